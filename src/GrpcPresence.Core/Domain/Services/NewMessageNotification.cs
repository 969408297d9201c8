namespace GrpcPresence.Core.Domain.Services;

/// <summary>The notification for a new message. Immutable.</summary>
public sealed record NewMessageNotification
{
    /// <summary>Whether the notification is enabled.</summary>
    public bool Enabled { get; init; }

    /// <summary>The text; at most 1024 bytes.</summary>
    public string Template { get; init; } = "";

    /// <summary>The name of the sound; at most 256 bytes.</summary>
    public string Sound { get; init; } = "";

    /// <summary>Whether the badge number of the application's icon is maintained.</summary>
    public bool BadgeCountEnabled { get; init; }

    /// <summary>The settings for a message with media.</summary>
    public MediaNotification WithMedia { get; init; } = new();
}
