namespace GrpcPresence.Core.Presence;

/// <summary>One session of a user. Times are the lease clock's. Guarded by the part's lock.</summary>
internal struct LiveSession
{
    /// <summary>The id; empty for the anonymous session of a user that was online at the start.</summary>
    public PackedSessionId Id;

    /// <summary>The lease time at which the session ends.</summary>
    public long LeaseEnd;

    /// <summary>The lease time of the last heartbeat.</summary>
    public long LastBeat;

    /// <summary>
    /// Of the streams that sent heartbeats, the one that was opened last; null after a heartbeat without a stream, and after the close of
    /// a stream that ends its sessions.
    /// </summary>
    public HeartbeatStream? Owner;

    /// <summary>Whether this is the anonymous session.</summary>
    public readonly bool IsAnonymous => Id.IsEmpty;
}
