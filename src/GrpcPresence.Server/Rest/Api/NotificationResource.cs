using GrpcPresence.Server.Rest.Http;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>The notification settings. They are stored for clients and have no effect, because GrpcPresence has no messages.</summary>
internal sealed record NotificationResource
{
    /// <summary>The SID of the account.</summary>
    public required string AccountSid { get; init; }

    /// <summary>The SID of the service instance.</summary>
    public required string ChatServiceSid { get; init; }

    /// <summary>Whether notifications are logged.</summary>
    public required bool LogEnabled { get; init; }

    /// <summary>The notification of a new message.</summary>
    public required NewMessageResource NewMessage { get; init; }

    /// <summary>The notification of being added to a conversation.</summary>
    public required MembershipResource AddedToConversation { get; init; }

    /// <summary>The notification of being removed from a conversation.</summary>
    public required MembershipResource RemovedFromConversation { get; init; }

    /// <summary>The URL of the resource.</summary>
    public required string Url { get; init; }

    /// <summary>Converts a message to a resource.</summary>
    public static NotificationResource Of(V1.NotificationConfiguration notification, RestRequest call) => new()
    {
        AccountSid = call.AccountSid,
        ChatServiceSid = notification.ServiceSid,
        LogEnabled = notification.LogEnabled,
        NewMessage = NewMessageResource.Of(notification.NewMessage ?? new()),
        AddedToConversation = MembershipResource.Of(notification.AddedToConversation ?? new()),
        RemovedFromConversation = MembershipResource.Of(notification.RemovedFromConversation ?? new()),
        Url = call.UrlOfService(notification.ServiceSid, "/Configuration/Notifications"),
    };
}
