using System.Globalization;

namespace GrpcPresence.Core.Domain.Services;

/// <summary>The settings of a service instance, and when reachability was last switched. Immutable.</summary>
public sealed record ServiceConfiguration
{
    /// <summary>Whether reachability is recorded and sent.</summary>
    public bool ReachabilityEnabled { get; init; }

    /// <summary>How often a session should beat.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a session lives after a heartbeat; browsers let a background tab run once a minute.</summary>
    public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromSeconds(75);

    /// <summary>How long a session lives on after its stream was closed.</summary>
    public TimeSpan OfflineDebounce { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether the first heartbeat of an unknown identity creates its user.</summary>
    public bool AutoCreateUsers { get; init; } = true;

    /// <summary>The role of users created without one.</summary>
    public RoleSid DefaultServiceRoleSid { get; init; }

    /// <summary>Kept and returned.</summary>
    public RoleSid DefaultConversationRoleSid { get; init; }

    /// <summary>Kept and returned.</summary>
    public RoleSid DefaultConversationCreatorRoleSid { get; init; }

    /// <summary>The revision of the last change of the configuration; 0 when it never changed.</summary>
    public long Revision { get; init; }

    /// <summary>The revision at which reachability was last switched on; 0 when it never was.</summary>
    public long SwitchedOnRevision { get; init; }

    /// <summary>The revision at which reachability was last switched on or off; 0 when it never was.</summary>
    public long SwitchRevision { get; init; }

    /// <summary>When the configuration last changed.</summary>
    public DateTimeOffset UpdateTime { get; init; }

    /// <summary>Changes with every change, also across a restored backup, in which revisions come again.</summary>
    public string Etag => string.Create(CultureInfo.InvariantCulture, $"{Revision:x}-{UpdateTime.UtcTicks:x}");
}
