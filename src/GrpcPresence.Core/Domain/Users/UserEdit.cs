using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Domain.Users;

/// <summary>An edit of a profile. A null value leaves the property unchanged.</summary>
/// <param name="FriendlyName">The new display name.</param>
/// <param name="Attributes">The new attributes, a JSON object as text.</param>
/// <param name="RoleSid">The new role, which may be empty.</param>
public sealed record UserEdit(string? FriendlyName, string? Attributes, RoleSid? RoleSid)
{
    /// <summary>Returns the user with the edit applied. A property that already has the value keeps its revision.</summary>
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
