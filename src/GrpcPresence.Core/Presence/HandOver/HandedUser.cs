using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Presence.HandOver;

/// <summary>
/// A tracked user as a hand-over carries it to the new holder of its shard. Times are durations, because each node has its own clock of
/// leases. The clock of a shard stands still from the seal until the shard opens.
/// </summary>
public sealed record HandedUser
{
    /// <summary>The service instance.</summary>
    public required ServiceSid Service { get; init; }

    /// <summary>The store's key of the service instance: a later one with the same SID is another one.</summary>
    public required long ServiceId { get; init; }

    /// <summary>The identity.</summary>
    public required Identity Identity { get; init; }

    /// <summary>The SID; <c>default</c> if no read of the store has found the user yet.</summary>
    public UserSid Sid { get; init; }

    /// <summary>The store's key of the user; 0 while it is not known.</summary>
    public long StoreId { get; init; }

    /// <summary>What the writer decided last.</summary>
    public HandedPresence Presence { get; init; }

    /// <summary>
    /// The uptime of the cluster from which the next mark of the user in the store is counted; for an <see cref="IsUnseen"/> user, at which
    /// the user was last known to be alive.
    /// </summary>
    public TimeSpan AliveAt { get; init; }

    /// <summary>Whether the user has sent no heartbeat since a node took the user over.</summary>
    public bool IsUnseen { get; init; }

    /// <summary>The sessions; at most <see cref="Domain.Limits.SessionsPerUser"/>, and the anonymous one.</summary>
    public IReadOnlyList<HandedSession> Sessions { get; init; } = [];

    /// <summary>The remembered ended sessions; at most <see cref="Domain.Limits.EndedSessionsPerUser"/>.</summary>
    public IReadOnlyList<HandedEnd> Ended { get; init; } = [];

    /// <summary>Whether the ended sessions are of a deleted user.</summary>
    public bool IsDeleted { get; init; }
}

/// <summary>A session of a <see cref="HandedUser"/>.</summary>
/// <param name="Id">The id; empty for the anonymous session.</param>
/// <param name="Remaining">The remaining lease at the seal; zero if the lease had run out.</param>
/// <param name="SinceBeat">The time since the last heartbeat.</param>
/// <param name="Stream">The stream that owns the session, or null.</param>
public readonly record struct HandedSession(SessionId Id, TimeSpan Remaining, TimeSpan SinceBeat, HandedStream? Stream);

/// <summary>An ended session of a <see cref="HandedUser"/>.</summary>
/// <param name="Id">The id.</param>
/// <param name="Remaining">For how long the id stays ended.</param>
/// <param name="IsStored">Whether the end is stored.</param>
public readonly record struct HandedEnd(SessionId Id, TimeSpan Remaining, bool IsStored);

/// <summary>What the writer decided last about a <see cref="HandedUser"/>.</summary>
/// <param name="IsOnline">Whether that is online.</param>
/// <param name="Switch">The revision of the reachability switch under which it was decided; -1 before the first decision.</param>
/// <param name="CameOnline">Whether a session began since.</param>
/// <param name="MayCreate">Whether a heartbeat named the user by identity since, so that the writer may create the user.</param>
public readonly record struct HandedPresence(bool IsOnline, long Switch, bool CameOnline, bool MayCreate);
