using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Client;

/// <summary>The settings of a client.</summary>
public sealed class PresenceClientOptions
{
    // Timers accept at most 49 days.
    private static readonly TimeSpan LongestDelay = TimeSpan.FromDays(1);

    /// <summary>The server's gRPC address, such as <c>https://presence:5080</c>. Required.</summary>
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
    /// 500 ms. A longer delay that the server asks for is added.
    /// </summary>
    public TimeSpan ReconnectDelay { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The longest delay before any attempt to reconnect. Default 30 s, at most a day.</summary>
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
    /// <exception cref="ArgumentException">A setting is missing or out of range.</exception>
    internal void Validate()
    {
        if (Address is not { IsAbsoluteUri: true, Scheme: "http" or "https" })
            throw new ArgumentException($"Address '{Address}' is not an http or https URL. Set PresenceClientOptions.Address.");
        if (ServiceSid.Length == 0)
            throw new ArgumentException("ServiceSid is empty. Set PresenceClientOptions.ServiceSid.");
        if (!Credentials.IsNone && Address.Scheme == "http" && !Address.IsLoopback && !AllowCredentialsWithoutTls)
            throw new ArgumentException($"{Address} would get credentials without TLS. Use https, or set AllowCredentialsWithoutTls.");
        if (ReconnectDelay < TimeSpan.Zero || MaxReconnectDelay < ReconnectDelay || EndTimeout < TimeSpan.Zero)
            throw new ArgumentException("A delay is negative, or MaxReconnectDelay is less than ReconnectDelay.");
        if (MaxReconnectDelay > LongestDelay || EndTimeout > LongestDelay)
            throw new ArgumentException("A delay is longer than a day. Set MaxReconnectDelay and EndTimeout to at most a day.");
    }
}
