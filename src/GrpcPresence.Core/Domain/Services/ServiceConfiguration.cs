using System.Globalization;

namespace GrpcPresence.Core.Domain.Services;

/// <summary>The settings of a service instance, and when reachability was last switched. Immutable.</summary>
public sealed record ServiceConfiguration
{
    /// <summary>Whether reachability is recorded and sent.</summary>
    public bool ReachabilityEnabled { get; init; }

    /// <summary>How often a session should send a heartbeat.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a session lives after a heartbeat. Browsers run a background tab only once a minute.</summary>
    public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromSeconds(75);

    /// <summary>How long a session lives after its stream was closed.</summary>
    public TimeSpan OfflineDebounce { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether the first heartbeat of an unknown identity creates its user.</summary>
    public bool AutoCreateUsers { get; init; } = true;

    /// <summary>The role of users created without one.</summary>
    public RoleSid DefaultServiceRoleSid { get; init; }

    /// <summary>Stored and returned; has no effect here.</summary>
    public RoleSid DefaultConversationRoleSid { get; init; }

    /// <summary>Stored and returned; has no effect here.</summary>
    public RoleSid DefaultConversationCreatorRoleSid { get; init; }

    /// <summary>The revision of the last change of the configuration; 0 if it never changed.</summary>
    public long Revision { get; init; }

    /// <summary>The revision at which reachability was last switched on; 0 if it never was.</summary>
    public long SwitchedOnRevision { get; init; }

    /// <summary>The revision at which reachability was last switched on or off; 0 if it never was.</summary>
    public long SwitchRevision { get; init; }

    /// <summary>The revision at which the present on-period of reachability began; null while reachability is off.</summary>
    public long? OnPeriod => ReachabilityEnabled ? SwitchedOnRevision : null;

    /// <summary>
    /// Whether reachability may be shown of a user that became known at the revision (0: never): it is switched on, and the user came
    /// online since then.
    /// </summary>
    public bool ShowsReachabilitySince(long knownRevision) =>
        ReachabilityEnabled && knownRevision > 0 && knownRevision >= SwitchedOnRevision;

    /// <summary>When the configuration last changed.</summary>
    public DateTimeOffset UpdateTime { get; init; }

    /// <summary>
    /// Changes with every change of the configuration. Includes the time, because revisions repeat after a restored backup.
    /// </summary>
    public string Etag => string.Create(CultureInfo.InvariantCulture, $"{Revision:x}-{UpdateTime.UtcTicks:x}");
}
