namespace GrpcPresence.Core.Domain.Users;

/// <summary>Which fields of a user are shown; the numbers of <c>presence.v1.UserView</c>.</summary>
public enum UserView
{
    /// <summary>Everything except reachability.</summary>
    Basic = 1,

    /// <summary>SID, identity, reachability and revision only.</summary>
    Reachability = 2,

    /// <summary>Everything.</summary>
    Full = 3,
}
