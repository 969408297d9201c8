namespace GrpcPresence.Core.Domain.Services;

/// <summary>
/// The push notification settings of a service instance. Libraries read and write them, so they are stored and returned. This service has
/// no messages or conversations and pushes nothing. Immutable.
/// </summary>
public sealed record NotificationSettings
{
    /// <summary>Whether pushed notifications are logged.</summary>
    public bool LogEnabled { get; init; }

    /// <summary>The settings for a new message.</summary>
    public NewMessageNotification NewMessage { get; init; } = new();

    /// <summary>The settings for a user that is added to a conversation.</summary>
    public MembershipNotification AddedToConversation { get; init; } = new();

    /// <summary>The settings for a user that is removed from a conversation.</summary>
    public MembershipNotification RemovedFromConversation { get; init; } = new();
}
