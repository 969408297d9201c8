namespace GrpcPresence.Core.Domain.Users;

/// <summary>A set of update reasons. Bit n stands for number n of <c>presence.v1.UpdateReason</c>.</summary>
[Flags]
public enum UpdateReasons
{
    /// <summary>Nothing changed.</summary>
    None = 0,

    /// <summary>The user was created.</summary>
    Created = 1 << 1,

    /// <summary>The user was deleted.</summary>
    Deleted = 1 << 2,

    /// <summary>The friendly name changed.</summary>
    FriendlyName = 1 << 3,

    /// <summary>The attributes changed.</summary>
    Attributes = 1 << 4,

    /// <summary>The role changed.</summary>
    Role = 1 << 5,

    /// <summary>is_online changed.</summary>
    ReachabilityOnline = 1 << 6,

    /// <summary>is_notifiable changed.</summary>
    ReachabilityNotifiable = 1 << 7,

    /// <summary>Both reachability reasons.</summary>
    Reachability = ReachabilityOnline | ReachabilityNotifiable,

    /// <summary>All reasons.</summary>
    All = Created | Deleted | FriendlyName | Attributes | Role | Reachability,
}
