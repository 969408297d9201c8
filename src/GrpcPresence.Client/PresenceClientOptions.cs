using System.Diagnostics.Metrics;
using GrpcPresence.Client.Sessions;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Client;

/// <summary>The settings of a client.</summary>
public sealed class PresenceClientOptions
{
    // Timers accept at most 49 days.
    private static readonly TimeSpan LongestDelay = TimeSpan.FromDays(1);

    private const int ServiceSidLength = 34;

    // A message needs no more of a wrong setting than this.
    private const int ShownLength = 60;

    /// <summary>
    /// The server's gRPC address, such as <c>https://presence:5080</c>, without user, path, query and fragment. Required.
    /// </summary>
    public Uri? Address { get; set; }

    /// <summary>The service instance: "IS" and 32 hexadecimal digits. Required.</summary>
    public string ServiceSid { get; set; } = "";

    /// <summary>How the client authenticates. Default not at all.</summary>
    public PresenceCredentials Credentials { get; set; } = PresenceCredentials.None;

    /// <summary>
    /// The user that watches act for when the client uses access tokens. Sessions always present the token of their own user.
    /// </summary>
    public string? Identity { get; set; }

    /// <summary>
    /// Whether the sessions end soon after the connection is lost: after the configuration's <c>offline_debounce</c>, which is 5 s by
    /// default, instead of the rest of their leases. Set it in a gateway whose users should go offline when the process is killed. Then
    /// an interruption that is longer than the debounce shows the users offline. Default false.
    /// </summary>
    public bool EndSessionsOnDisconnect { get; set; }

    /// <summary>
    /// The longest delay before the first attempt to reconnect; the delay is random up to it, and doubles with each failure. Default
    /// 500 ms, at most <see cref="MaxReconnectDelay"/>. A longer delay that the server asks for is added.
    /// </summary>
    public TimeSpan ReconnectDelay { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// The longest delay before any attempt to reconnect. Default 30 s, at most a day. Heartbeats wait for no longer than their interval.
    /// </summary>
    public TimeSpan MaxReconnectDelay { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long disposal waits for the server to confirm the end of sessions. Default 5 s, at most a day. After it, the leases end by
    /// themselves. Disposal waits as long, but at least a second, for handlers of watches that block.
    /// </summary>
    public TimeSpan EndTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Whether to send credentials over http to another machine, for a mesh that encrypts on the way. Default false: only https and
    /// loopback.
    /// </summary>
    public bool AllowCredentialsWithoutTls { get; set; }

    /// <summary>
    /// Creates the HTTP handler of a connection, for client certificates or proxies. By default a <see cref="SocketsHttpHandler"/> that
    /// notices a dead network by pings within 30 s. The client calls it twice and disposes of the handlers.
    /// </summary>
    public Func<HttpMessageHandler>? HttpHandlerFactory { get; set; }

    /// <summary>The clock. Default the system's.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>Receives interruptions and failures. With dependency injection, by default the registered one.</summary>
    public ILoggerFactory? LoggerFactory { get; set; }

    /// <summary>Creates the meter <c>GrpcPresence.Client</c>. With dependency injection, by default the registered one.</summary>
    public IMeterFactory? MeterFactory { get; set; }

    /// <summary>Checks that the settings can be used.</summary>
    /// <exception cref="ArgumentException">Settings are missing or wrong. The message names each of them.</exception>
    internal void Validate()
    {
        string[] violations = [.. FindViolations()];
        if (violations.Length > 0)
            throw new ArgumentException($"Wrong settings in PresenceClientOptions. {string.Join(" ", violations)}");
    }

    // Nullable annotations bind only a program that enables them, and a binder of configuration ignores them. So each property can be null.
    private IEnumerable<string> FindViolations()
    {
        if (!IsServerAddress(Address))
            yield return $"Address must be an http or https URL without user, path, query and fragment; it is {Show(Address)}.";
        else if (Credentials is { IsNone: false } && Address is { Scheme: "http", IsLoopback: false } && !AllowCredentialsWithoutTls)
            yield return $"Address must be https, or '{Address}' would get credentials without TLS; or set AllowCredentialsWithoutTls.";
        if (!IsServiceSid(ServiceSid))
            yield return $"ServiceSid must be \"IS\" and 32 hexadecimal digits; it is {Show(ServiceSid)}.";
        if (Credentials is null)
            yield return "Credentials must not be null; use PresenceCredentials.None for none.";
        if (Identity is { } identity && (identity.Length == 0 || SessionKeys.IsTooLong(identity)))
            yield return $"Identity must have 1 to {SessionKeys.MaxUserKeyLength} characters, or be null; it has {identity.Length}.";
        if (TimeProvider is null)
            yield return "TimeProvider must not be null.";
        if (!IsDelay(ReconnectDelay))
            yield return $"ReconnectDelay must be 0 to a day; it is {ReconnectDelay}.";
        if (!IsDelay(MaxReconnectDelay))
            yield return $"MaxReconnectDelay must be 0 to a day; it is {MaxReconnectDelay}.";
        else if (IsDelay(ReconnectDelay) && MaxReconnectDelay < ReconnectDelay)
            yield return $"MaxReconnectDelay must be at least ReconnectDelay, which is {ReconnectDelay}; it is {MaxReconnectDelay}.";
        if (!IsDelay(EndTimeout))
            yield return $"EndTimeout must be 0 to a day; it is {EndTimeout}.";
    }

    // gRPC ignores all other parts of a URL.
    private static bool IsServerAddress(Uri? address) => address is { IsAbsoluteUri: true, Scheme: "http" or "https" }
        && address is { UserInfo: "", AbsolutePath: "/", Query: "", Fragment: "" };

    private static bool IsServiceSid(string? text) =>
        text is { Length: ServiceSidLength } && text.StartsWith("IS", StringComparison.Ordinal) && text.Skip(2).All(char.IsAsciiHexDigit);

    private static bool IsDelay(TimeSpan delay) => delay >= TimeSpan.Zero && delay <= LongestDelay;

    private static string Show(Uri? address) =>
        address is { IsAbsoluteUri: true, UserInfo.Length: > 0 } ? "one with a user" : Show(address?.OriginalString);

    private static string Show(string? text) => text switch
    {
        null => "null",
        "" => "empty",
        { Length: > ShownLength } => $"a text of {text.Length} characters",
        _ => $"'{text}'",
    };
}
