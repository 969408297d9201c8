using GrpcPresence.Server.Rest.Http;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>A user.</summary>
internal sealed record UserResource
{
    /// <summary>The SID.</summary>
    public required string Sid { get; init; }

    /// <summary>The account.</summary>
    public required string AccountSid { get; init; }

    /// <summary>The service instance.</summary>
    public required string ChatServiceSid { get; init; }

    /// <summary>The role.</summary>
    public string? RoleSid { get; init; }

    /// <summary>The identity.</summary>
    public required string Identity { get; init; }

    /// <summary>A name for people.</summary>
    public string? FriendlyName { get; init; }

    /// <summary>A JSON object as text.</summary>
    public string? Attributes { get; init; }

    /// <summary>Whether the user is online; null when it is not known, or not shown in lists.</summary>
    public required bool? IsOnline { get; init; }

    /// <summary>Whether a push notification reaches the user; null when it is not known, or not shown in lists.</summary>
    public required bool? IsNotifiable { get; init; }

    /// <summary>When the user was created.</summary>
    public string? DateCreated { get; init; }

    /// <summary>When the profile last changed. Presence does not move it.</summary>
    public string? DateUpdated { get; init; }

    /// <summary>Where it is.</summary>
    public required string Url { get; init; }

    /// <summary>What it has, of what exists here: nothing.</summary>
    public required IReadOnlyDictionary<string, string> Links { get; init; }

    /// <summary>The resource of a message in the full or the basic view.</summary>
    public static UserResource Of(V1.User user, RestRequest call) => Of(user, user.ServiceSid, call);

    /// <summary>The resource of a message that may lack its service instance, as that of a deleted user does.</summary>
    public static UserResource Of(V1.User user, string serviceSid, RestRequest call) => new()
    {
        Sid = user.Sid,
        AccountSid = call.AccountSid,
        ChatServiceSid = serviceSid,
        RoleSid = ResourceText.OrNull(user.RoleSid),
        Identity = user.Identity,
        FriendlyName = ResourceText.OrNull(user.FriendlyName),
        Attributes = ResourceText.OrNull(user.Attributes),
        IsOnline = user.HasIsOnline ? user.IsOnline : null,
        IsNotifiable = user.HasIsNotifiable ? user.IsNotifiable : null,
        DateCreated = ResourceDate.Of(user.CreateTime),
        DateUpdated = ResourceDate.Of(user.UpdateTime),
        Url = call.UrlOfService(serviceSid, $"/Users/{user.Sid}"),
        Links = new Dictionary<string, string>(),
    };
}
