namespace GrpcPresence.Core.Domain.Services;

/// <summary>What is pushed when a message with media is added. Immutable.</summary>
public sealed record MediaNotification
{
    /// <summary>Whether it has a template of its own.</summary>
    public bool Enabled { get; init; }

    /// <summary>The text; at most 1024 bytes.</summary>
    public string Template { get; init; } = "";
}
