namespace GrpcPresence.Core.Domain.Users;

/// <summary>The fields of a user to return. The numbers are those of <c>presence.v1.UserView</c>.</summary>
public enum UserView
{
    /// <summary>Everything except reachability.</summary>
    Basic = 1,

    /// <summary>SID, identity, reachability and revision only.</summary>
    Reachability = 2,

    /// <summary>Everything.</summary>
    Full = 3,
}
