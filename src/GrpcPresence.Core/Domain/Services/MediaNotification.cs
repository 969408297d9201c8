namespace GrpcPresence.Core.Domain.Services;

/// <summary>The notification for a message with media. Immutable.</summary>
public sealed record MediaNotification
{
    /// <summary>Whether it has its own template.</summary>
    public bool Enabled { get; init; }

    /// <summary>The text; at most 1024 bytes.</summary>
    public string Template { get; init; } = "";
}
