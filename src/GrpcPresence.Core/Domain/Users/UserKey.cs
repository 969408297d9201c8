using System.Diagnostics.CodeAnalysis;

namespace GrpcPresence.Core.Domain.Users;

/// <summary>The name of a user in requests: the SID or the identity, distinguished by their form.</summary>
public readonly record struct UserKey
{
    /// <summary>Names a user by SID.</summary>
    public UserKey(UserSid sid) => Sid = sid;

    /// <summary>Names a user by identity.</summary>
    public UserKey(Identity identity) => Identity = identity;

    /// <summary>The SID, when <see cref="IsSid"/>.</summary>
    public UserSid Sid { get; }

    /// <summary>The identity, unless <see cref="IsSid"/>.</summary>
    public Identity Identity { get; }

    /// <summary>Whether the key is a SID.</summary>
    public bool IsSid => Identity.IsEmpty;

    /// <summary>Parses the text; returns false when it is neither a SID nor a valid identity.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out UserKey key)
    {
        if (UserSid.TryParse(text, out var sid))
        {
            key = new UserKey(sid);
            return true;
        }
        var valid = Identity.TryParse(text, out var identity);
        key = valid ? new UserKey(identity) : default;
        return valid;
    }

    /// <inheritdoc/>
    public override string ToString() => IsSid ? Sid.ToString() : Identity.ToString();
}
