namespace GrpcPresence.Core.Domain.Services;

/// <summary>The notification for a user that is added to a conversation or removed from one. Immutable.</summary>
public sealed record MembershipNotification
{
    /// <summary>Whether the notification is enabled.</summary>
    public bool Enabled { get; init; }

    /// <summary>The text; at most 1024 bytes.</summary>
    public string Template { get; init; } = "";

    /// <summary>The name of the sound; at most 256 bytes.</summary>
    public string Sound { get; init; } = "";
}
