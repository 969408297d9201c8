using GrpcPresence.Server.Rest.Http;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>A user.</summary>
internal sealed record UserResource
{
    /// <summary>The SID.</summary>
    public required string Sid { get; init; }

    /// <summary>The SID of the account.</summary>
    public required string AccountSid { get; init; }

    /// <summary>The SID of the service instance.</summary>
    public required string ChatServiceSid { get; init; }

    /// <summary>The SID of the role.</summary>
    public string? RoleSid { get; init; }

    /// <summary>The identity.</summary>
    public required string Identity { get; init; }

    /// <summary>The display name.</summary>
    public string? FriendlyName { get; init; }

    /// <summary>A JSON object as text.</summary>
    public string? Attributes { get; init; }

    /// <summary>Whether the user is online; null when unknown, or when the list does not include it.</summary>
    public required bool? IsOnline { get; init; }

    /// <summary>Whether push notifications can reach the user; null when unknown, or when the list does not include it.</summary>
    public required bool? IsNotifiable { get; init; }

    /// <summary>When the user was created.</summary>
    public string? DateCreated { get; init; }

    /// <summary>When the profile last changed. Presence does not affect it.</summary>
    public string? DateUpdated { get; init; }

    /// <summary>The URL of the resource.</summary>
    public required string Url { get; init; }

    /// <summary>The URLs of related resources; always empty, because GrpcPresence supports none.</summary>
    public required IReadOnlyDictionary<string, string> Links { get; init; }

    /// <summary>Converts a message in the full or the basic view to a resource.</summary>
    public static UserResource Of(V1.User user, RestRequest call) => Of(user, user.ServiceSid, call);

    /// <summary>Converts a message that may lack its service instance, as that of a deleted user does.</summary>
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
