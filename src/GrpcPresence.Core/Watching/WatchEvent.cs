using GrpcPresence.Core.Configuration;

namespace GrpcPresence.Core.Watching;

/// <summary>One message of a watch.</summary>
/// <param name="Token">The resume token, valid when the message has been delivered; null when the message moves nothing.</param>
public abstract record WatchEvent(ResumeToken? Token)
{
    /// <summary>The configuration: first of all, and after each change.</summary>
    public sealed record ConfigurationChanged(ServiceConfiguration Configuration) : WatchEvent((ResumeToken?)null);

    /// <summary>A snapshot follows.</summary>
    public sealed record Reset(ResetReason Reason) : WatchEvent((ResumeToken?)null);

    /// <summary>States of users.</summary>
    public sealed record Updates(IReadOnlyList<UserUpdate> Users, ResumeToken? At) : WatchEvent(At);

    /// <summary>The snapshot, or what a resume owed, is complete.</summary>
    public sealed record Synced(ResumeToken At) : WatchEvent(At);

    /// <summary>Nothing happened for a while.</summary>
    public sealed record Progress(ResumeToken At) : WatchEvent(At);
}
