using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Watching;

/// <summary>One message of a watch.</summary>
/// <param name="Token">The resume token, valid when the message has been delivered; null when the message moves nothing.</param>
public abstract record WatchEvent(ResumeToken? Token)
{
    /// <summary>The configuration: first of all, and after each change.</summary>
    public sealed record ConfigurationChanged(ServiceConfiguration Configuration) : WatchEvent(Token: null);

    /// <summary>A snapshot follows.</summary>
    public sealed record Reset(ResetReason Reason) : WatchEvent(Token: null);

    /// <summary>States of users.</summary>
    /// <param name="Users">The states.</param>
    /// <param name="At">The resume token.</param>
    /// <param name="Shared">What watchers that are sent the same states keep in common; null when there is nothing.</param>
    public sealed record Updates(IReadOnlyList<UserUpdate> Users, ResumeToken? At, SharedMessage? Shared = null) : WatchEvent(At);

    /// <summary>The snapshot, or what a resume owed, is complete.</summary>
    public sealed record Synced(ResumeToken At) : WatchEvent(At);

    /// <summary>Nothing happened for a while.</summary>
    public sealed record Progress(ResumeToken At) : WatchEvent(At);
}
