namespace GrpcPresence.Core.Domain.Services;

/// <summary>What is pushed when a message is added. Immutable.</summary>
public sealed record NewMessageNotification
{
    /// <summary>Whether it is pushed.</summary>
    public bool Enabled { get; init; }

    /// <summary>The text; at most 1024 bytes.</summary>
    public string Template { get; init; } = "";

    /// <summary>The name of the sound; at most 256 bytes.</summary>
    public string Sound { get; init; } = "";

    /// <summary>Whether the number on the application's icon is kept.</summary>
    public bool BadgeCountEnabled { get; init; }

    /// <summary>The same of a message with media.</summary>
    public MediaNotification WithMedia { get; init; } = new();
}
