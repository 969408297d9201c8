using GrpcPresence.V1;

namespace GrpcPresence.Client;

/// <summary>A user at one moment. It does not change. Fields that the view of the watch leaves out are empty or null.</summary>
public sealed record PresenceUser
{
    /// <summary>The application's name for the user.</summary>
    public required string Identity { get; init; }

    /// <summary>"US" and 32 hexadecimal digits; empty for a user that does not exist.</summary>
    public string Sid { get; init; } = "";

    /// <summary>Whether the watch knows a user with this identity.</summary>
    public bool Exists => Sid.Length > 0;

    /// <summary>Whether the user has a live session. Null when unknown.</summary>
    public bool? IsOnline { get; init; }

    /// <summary>Whether the user has a push binding. Null when unknown.</summary>
    public bool? IsNotifiable { get; init; }

    /// <summary>When the user last went offline. Null while the user is online, and when unknown.</summary>
    public DateTimeOffset? LastOnlineTime { get; init; }

    /// <summary>A display name; may be empty.</summary>
    public string FriendlyName { get; init; } = "";

    /// <summary>A JSON object.</summary>
    public string Attributes { get; init; } = "";

    /// <summary>"RL" and 32 hexadecimal digits, or empty.</summary>
    public string RoleSid { get; init; } = "";

    /// <summary>When the user was created.</summary>
    public DateTimeOffset? CreateTime { get; init; }

    /// <summary>When the profile last changed.</summary>
    public DateTimeOffset? UpdateTime { get; init; }

    /// <summary>The revision of the last change. Of two states of one user, the one with the greater revision is newer.</summary>
    public long Revision { get; init; }

    /// <summary>The version of the profile; opaque.</summary>
    public string ETag { get; init; } = "";

    internal static PresenceUser From(User user) => new()
    {
        Identity = user.Identity,
        Sid = user.Sid,
        IsOnline = user.HasIsOnline ? user.IsOnline : null,
        IsNotifiable = user.HasIsNotifiable ? user.IsNotifiable : null,
        LastOnlineTime = user.LastOnlineTime?.ToDateTimeOffset(),
        FriendlyName = user.FriendlyName,
        Attributes = user.Attributes,
        RoleSid = user.RoleSid,
        CreateTime = user.CreateTime?.ToDateTimeOffset(),
        UpdateTime = user.UpdateTime?.ToDateTimeOffset(),
        Revision = user.Revision,
        ETag = user.Etag,
    };
}
