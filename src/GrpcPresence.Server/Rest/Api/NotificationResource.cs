using GrpcPresence.Server.Rest.Http;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>Settings of notifications, which are kept for clients and do nothing here: there are no messages.</summary>
internal sealed record NotificationResource
{
    /// <summary>The account.</summary>
    public required string AccountSid { get; init; }

    /// <summary>The service instance.</summary>
    public required string ChatServiceSid { get; init; }

    /// <summary>Whether notifications are logged.</summary>
    public required bool LogEnabled { get; init; }

    /// <summary>Of a new message.</summary>
    public required NewMessageResource NewMessage { get; init; }

    /// <summary>Of being added to a conversation.</summary>
    public required MembershipResource AddedToConversation { get; init; }

    /// <summary>Of being removed from a conversation.</summary>
    public required MembershipResource RemovedFromConversation { get; init; }

    /// <summary>Where it is.</summary>
    public required string Url { get; init; }

    /// <summary>The resource of a message.</summary>
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
