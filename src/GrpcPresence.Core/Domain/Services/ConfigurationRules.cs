using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Domain.Services;

/// <summary>The rules for the settings, each alone and together.</summary>
public static class ConfigurationRules
{
    private const string Prefix = "configuration.";

    /// <summary>Rejects invalid settings; the error lists every rule that they break.</summary>
    /// <exception cref="PresenceException">FieldOutOfRange.</exception>
    public static void Check(ServiceConfiguration configuration)
    {
        var violations = new List<Violation>();
        if (configuration.HeartbeatInterval < Limits.MinHeartbeatInterval)
            violations.Add(OutOfRange("heartbeat_interval", "must be at least 1 s"));
        if (configuration.SessionTimeout > Limits.MaxSessionTimeout)
        {
            violations.Add(OutOfRange("session_timeout", "must be at most 24 h"));
        }
        // Wide, because twice the largest duration would overflow, and exact, which a quotient is not: it is rounded.
        else if (configuration.SessionTimeout.Ticks < 2 * (Int128)configuration.HeartbeatInterval.Ticks)
        {
            violations.Add(OutOfRange(
                "session_timeout", "must be at least twice heartbeat_interval, so that one lost heartbeat ends no session"));
        }
        if (configuration.OfflineDebounce < TimeSpan.Zero || configuration.OfflineDebounce > Limits.MaxOfflineDebounce)
            violations.Add(OutOfRange("offline_debounce", "must be from 0 to 30 s"));
        if (violations.Count > 0)
            throw new PresenceException(violations);
    }

    private static Violation OutOfRange(string field, string description) =>
        new(Prefix + field, ErrorReason.FieldOutOfRange, description);
}
