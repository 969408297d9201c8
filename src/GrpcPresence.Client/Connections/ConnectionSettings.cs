using GrpcPresence.Client.Telemetry;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Client.Connections;

/// <summary>What the sessions and the watches of one client share.</summary>
/// <param name="ServiceSid">The service instance.</param>
/// <param name="Credentials">How calls authenticate.</param>
/// <param name="Time">The clock.</param>
/// <param name="Random">Spreads heartbeats and reconnections.</param>
/// <param name="ReconnectDelay">The longest first delay before an attempt to reconnect.</param>
/// <param name="MaxReconnectDelay">The longest delay before any attempt.</param>
/// <param name="Telemetry">The instruments.</param>
/// <param name="Logger">The log.</param>
internal sealed record ConnectionSettings(
    string ServiceSid,
    PresenceCredentials Credentials,
    TimeProvider Time,
    Random Random,
    TimeSpan ReconnectDelay,
    TimeSpan MaxReconnectDelay,
    ClientTelemetry Telemetry,
    ILogger Logger)
{
    /// <summary>Returns a new backoff.</summary>
    public Backoff NewBackoff() => new(ReconnectDelay, MaxReconnectDelay, Random);

    /// <summary>Returns the credentials of the calls for one user.</summary>
    public CallAuthorization AuthorizationFor(string identity) => new(Credentials, identity, Time);
}
