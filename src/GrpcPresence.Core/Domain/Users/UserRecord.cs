using System.Globalization;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Domain.Users;

/// <summary>
/// A stored user. Immutable. Each property has the revision at which it last changed (0: not since the user was created), so that "what
/// changed since R" needs no log of changes.
/// </summary>
public sealed record UserRecord
{
    /// <summary>The store's key. Grows with each user and is never reused.</summary>
    public long Id { get; init; }

    /// <summary>The SID.</summary>
    public required UserSid Sid { get; init; }

    /// <summary>The identity.</summary>
    public required Identity Identity { get; init; }

    /// <summary>The display name.</summary>
    public string FriendlyName { get; init; } = "";

    /// <summary>The attributes, a JSON object as text.</summary>
    public string Attributes { get; init; } = "{}";

    /// <summary>The role.</summary>
    public RoleSid RoleSid { get; init; }

    /// <summary>When the user was created.</summary>
    public required DateTimeOffset CreateTime { get; init; }

    /// <summary>When friendly name, attributes or role last changed.</summary>
    public required DateTimeOffset UpdateTime { get; init; }

    /// <summary>
    /// Whether the user was online at the last recorded transition. Meaningful only while the user is known in the present on-period.
    /// </summary>
    public bool IsOnline { get; init; }

    /// <summary>When the user last went offline; null if never, or while online.</summary>
    public DateTimeOffset? LastOnlineTime { get; init; }

    /// <summary>
    /// The uptime of the server at which the store last learned that the user is alive: at the last transition, and about every hour of
    /// being online since then.
    /// </summary>
    public TimeSpan LastAlive { get; init; }

    /// <summary>The number of the user's push bindings.</summary>
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

    /// <summary>
    /// The revision at which the user became known: the user first came online in an on-period. Of the last such on-period; 0 if never.
    /// </summary>
    public long KnownRevision { get; init; }

    /// <summary>The revision of the last visible change of this row.</summary>
    public required long Revision { get; init; }

    /// <summary>
    /// Which of creation, friendly name, attributes and role last changed without webhooks. A later change of the same property with
    /// webhooks clears its bit.
    /// </summary>
    public UpdateReasons QuietReasons { get; init; }

    /// <summary>The revision of the last change of the profile (friendly name, attributes, role), or of the creation.</summary>
    public long ProfileRevision =>
        Math.Max(Math.Max(CreatedRevision, FriendlyNameRevision), Math.Max(AttributesRevision, RoleRevision));

    /// <summary>Changes with every change of the profile. Includes the time, because revisions repeat after a restored backup.</summary>
    public string Etag => string.Create(CultureInfo.InvariantCulture, $"{ProfileRevision:x}-{UpdateTime.UtcTicks:x}");

    /// <summary>Whether reachability may be shown: it is switched on, and the user came online since then.</summary>
    public bool IsKnown(ServiceConfiguration configuration) => configuration.ShowsReachabilitySince(KnownRevision);

    /// <summary>
    /// Whether <c>is_notifiable</c> was ever not null since the user became known in the period of <see cref="KnownRevision"/>.
    /// </summary>
    public bool WasNotifiableKnown => KnownRevision > 0 && NotifiableRevision >= KnownRevision;

    /// <summary>Returns what changed in this row after the revision.</summary>
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

    /// <summary>
    /// Returns the lowest revision after the given one at which any of the properties last changed; <see cref="long.MaxValue"/> if none
    /// did.
    /// </summary>
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
