using System.Globalization;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Domain.Users;

/// <summary>
/// A user as it is stored. Immutable. For each property it keeps the revision at which the property last changed (0: not since the user was
/// created), so that "what changed since R" needs no log of changes.
/// </summary>
public sealed record UserRecord
{
    /// <summary>The store's key: grows with each user and is never used again.</summary>
    public long Id { get; init; }

    /// <summary>The SID.</summary>
    public required UserSid Sid { get; init; }

    /// <summary>The identity.</summary>
    public required Identity Identity { get; init; }

    /// <summary>A name for people.</summary>
    public string FriendlyName { get; init; } = "";

    /// <summary>A JSON object as text.</summary>
    public string Attributes { get; init; } = "{}";

    /// <summary>The role.</summary>
    public RoleSid RoleSid { get; init; }

    /// <summary>When the user was created.</summary>
    public required DateTimeOffset CreateTime { get; init; }

    /// <summary>When friendly name, attributes or role last changed.</summary>
    public required DateTimeOffset UpdateTime { get; init; }

    /// <summary>Whether the user was online at the last transition that was recorded. Means nothing unless the user is known in the present on-period.</summary>
    public bool IsOnline { get; init; }

    /// <summary>When the user last went offline; null when never, or while online.</summary>
    public DateTimeOffset? LastOnlineTime { get; init; }

    /// <summary>How many push bindings the user has.</summary>
    public int BindingCount { get; init; }

    /// <summary>Whether the user ever had a push binding.</summary>
    public bool HadBinding { get; init; }

    /// <summary>The revision at which the user was created.</summary>
    public required long CreatedRevision { get; init; }

    /// <summary>The revision at which the friendly name last changed.</summary>
    public long FriendlyNameRevision { get; init; }

    /// <summary>The revision at which the attributes last changed.</summary>
    public long AttributesRevision { get; init; }

    /// <summary>The revision at which the role last changed.</summary>
    public long RoleRevision { get; init; }

    /// <summary>The revision at which is_online last changed.</summary>
    public long OnlineRevision { get; init; }

    /// <summary>The revision at which is_notifiable last changed.</summary>
    public long NotifiableRevision { get; init; }

    /// <summary>The revision at which the user first came online in the on-period in which that last happened; 0: never.</summary>
    public long KnownRevision { get; init; }

    /// <summary>The revision of the last visible change of this row.</summary>
    public required long Revision { get; init; }

    /// <summary>
    /// Of the creation, the friendly name, the attributes and the role: what was last changed without webhooks being told. A later change of the same
    /// property that they are told of ends that.
    /// </summary>
    public UpdateReasons QuietReasons { get; init; }

    /// <summary>The revision of the last change of the profile (friendly name, attributes, role), or of the creation.</summary>
    public long ProfileRevision =>
        Math.Max(Math.Max(CreatedRevision, FriendlyNameRevision), Math.Max(AttributesRevision, RoleRevision));

    /// <summary>Changes with every change of the profile, also across a restored backup, in which revisions come again.</summary>
    public string Etag => string.Create(CultureInfo.InvariantCulture, $"{ProfileRevision:x}-{UpdateTime.UtcTicks:x}");

    /// <summary>Whether reachability may be shown: the flag is on, and the user came online since it was switched on.</summary>
    public bool IsKnown(ServiceConfiguration configuration) =>
        configuration.ReachabilityEnabled && KnownRevision > 0 && KnownRevision >= configuration.SwitchedOnRevision;

    /// <summary>Whether <c>is_notifiable</c> was not null at any time since the user became known in the period of <see cref="KnownRevision"/>.</summary>
    public bool WasNotifiableKnown => KnownRevision > 0 && NotifiableRevision >= KnownRevision;

    /// <summary>What changed in this row after the revision.</summary>
    public UpdateReasons ReasonsSince(long revision)
    {
        var reasons = UpdateReasons.None;
        if (CreatedRevision > revision)
            reasons |= UpdateReasons.Created;
        if (FriendlyNameRevision > revision)
            reasons |= UpdateReasons.FriendlyName;
        if (AttributesRevision > revision)
            reasons |= UpdateReasons.Attributes;
        if (RoleRevision > revision)
            reasons |= UpdateReasons.Role;
        if (OnlineRevision > revision)
            reasons |= UpdateReasons.ReachabilityOnline;
        if (NotifiableRevision > revision)
            reasons |= UpdateReasons.ReachabilityNotifiable;
        return reasons;
    }

    /// <summary>The lowest revision after the given one at which any of the properties last changed; <see cref="long.MaxValue"/> when none did.</summary>
    public long FirstRevisionSince(long revision, UpdateReasons reasons)
    {
        var first = long.MaxValue;
        Consider(UpdateReasons.Created, CreatedRevision);
        Consider(UpdateReasons.FriendlyName, FriendlyNameRevision);
        Consider(UpdateReasons.Attributes, AttributesRevision);
        Consider(UpdateReasons.Role, RoleRevision);
        Consider(UpdateReasons.ReachabilityOnline, OnlineRevision);
        Consider(UpdateReasons.ReachabilityNotifiable, NotifiableRevision);
        return first;

        void Consider(UpdateReasons reason, long changedAt)
        {
            if (reasons.HasFlag(reason) && changedAt > revision)
                first = Math.Min(first, changedAt);
        }
    }
}
