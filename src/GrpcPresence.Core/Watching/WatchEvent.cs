using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Watching;

/// <summary>One message of a watch.</summary>
/// <param name="Token">The resume token, valid when the message has been delivered; null when the message does not move it.</param>
public abstract record WatchEvent(ResumeToken? Token)
{
    /// <summary>The configuration: the first message, and again after each change.</summary>
    public sealed record ConfigurationChanged(ServiceConfiguration Configuration) : WatchEvent(Token: null);

    /// <summary>The client must drop what it knows: a snapshot follows.</summary>
    public sealed record Reset(ResetReason Reason) : WatchEvent(Token: null);

    /// <summary>States of users.</summary>
    /// <param name="Users">The states.</param>
    /// <param name="At">The resume token.</param>
    /// <param name="Shared">
    /// The same states as a message that is shared with other watches; null if they belong to this watch alone.
    /// </param>
    public sealed record Updates(IReadOnlyList<UserUpdate> Users, ResumeToken? At, SharedMessage? Shared = null) : WatchEvent(At);

    /// <summary>The snapshot, or the catch-up of a resumed watch, is complete.</summary>
    public sealed record Synced(ResumeToken At) : WatchEvent(At);

    /// <summary>Nothing changed for a while; the watch is alive.</summary>
    public sealed record Progress(ResumeToken At) : WatchEvent(At);
}

/// <summary>A state of a user to send.</summary>
/// <param name="State">The state.</param>
/// <param name="Reasons">What changed since the user was last sent; none in a snapshot.</param>
public readonly record struct UserUpdate(UserState State, UpdateReasons Reasons);

/// <summary>Why a watch starts with a snapshot. The numbers are those of <c>presence.v1.ResetReason</c>.</summary>
public enum ResetReason
{
    /// <summary>The request had no resume token.</summary>
    Initial = 1,

    /// <summary>The token was issued for another filter.</summary>
    FilterChanged = 2,

    /// <summary>Reachability was switched on or off since.</summary>
    ReachabilitySwitched = 3,

    /// <summary>The token refers to revisions that this data never had.</summary>
    TimelineChanged = 4,

    /// <summary>The store has purged tombstones that the client needs.</summary>
    TombstonesPurged = 5,
}
