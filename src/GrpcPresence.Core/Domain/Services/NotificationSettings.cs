namespace GrpcPresence.Core.Domain.Services;

/// <summary>
/// The settings of push notifications of a service instance, kept and returned for libraries that read and write them: there are no messages and no
/// conversations here, and nothing is pushed. Immutable.
/// </summary>
public sealed record NotificationSettings
{
    /// <summary>Whether what is pushed is logged.</summary>
    public bool LogEnabled { get; init; }

    /// <summary>Of a new message.</summary>
    public NewMessageNotification NewMessage { get; init; } = new();

    /// <summary>Of becoming a member of a conversation.</summary>
    public MembershipNotification AddedToConversation { get; init; } = new();

    /// <summary>Of being one no more.</summary>
    public MembershipNotification RemovedFromConversation { get; init; } = new();
}
