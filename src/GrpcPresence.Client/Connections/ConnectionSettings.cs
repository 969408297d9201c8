using GrpcPresence.Client.Telemetry;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Client.Connections;

/// <summary>What the sessions and the watches of one client share.</summary>
/// <param name="ServiceSid">The service instance.</param>
/// <param name="Credentials">How calls authenticate.</param>
/// <param name="Time">The clock.</param>
/// <param name="Timers">The timers.</param>
/// <param name="Reconnection">The delays before attempts to reconnect.</param>
/// <param name="Handlers">The calls of handlers of the program.</param>
/// <param name="Telemetry">The instruments.</param>
/// <param name="Logger">The log.</param>
internal sealed record ConnectionSettings(
    string ServiceSid,
    PresenceCredentials Credentials,
    TimeProvider Time,
    TimerQueue Timers,
    BackoffPolicy Reconnection,
    HandlerCalls Handlers,
    ClientTelemetry Telemetry,
    ILogger Logger)
{
    /// <summary>Spreads heartbeats, renewals and reconnections.</summary>
    public Random Random => Reconnection.Random;

    /// <summary>Returns a new backoff.</summary>
    public Backoff NewBackoff() => new(Reconnection);

    // Without tokens all calls have the same credentials, and what one of them learns of these holds for all.
    private CallAuthorization Shared { get; } = new(Credentials, identity: "", Time, Reconnection.Random);

    /// <summary>Returns the credentials of the calls for one user.</summary>
    public CallAuthorization AuthorizationFor(string identity) =>
        Credentials.Provider is null ? Shared : new(Credentials, identity, Time, Random);
}
