using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Domain.Users;

/// <summary>An edit of a profile. What is null stays.</summary>
/// <param name="FriendlyName">The new name for people.</param>
/// <param name="Attributes">The new attributes, a JSON object as text.</param>
/// <param name="RoleSid">The new role, which may be none.</param>
public sealed record UserEdit(string? FriendlyName, string? Attributes, RoleSid? RoleSid)
{
    /// <summary>The user with the edit. A property that has the value already keeps its revision.</summary>
    public UserRecord Apply(UserRecord user, long revision)
    {
        if (FriendlyName is not null && FriendlyName != user.FriendlyName)
            user = user with { FriendlyName = FriendlyName, FriendlyNameRevision = revision };
        if (Attributes is not null && Attributes != user.Attributes)
            user = user with { Attributes = Attributes, AttributesRevision = revision };
        if (RoleSid is { } role && role != user.RoleSid)
            user = user with { RoleSid = role, RoleRevision = revision };
        return user;
    }
}
