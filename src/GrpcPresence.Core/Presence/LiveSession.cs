namespace GrpcPresence.Core.Presence;

/// <summary>One session of a user. Times are the lease clock's. Guarded by the shard's lock.</summary>
internal struct LiveSession
{
    /// <summary>The lease of a recovered user before the service is ready: it does not run yet.</summary>
    public const long NotStarted = long.MaxValue;

    /// <summary>The id; empty for the anonymous session of a user who was online at the start.</summary>
    public PackedSessionId Id;

    /// <summary>Until when it counts as live.</summary>
    public long LeaseEnd;

    /// <summary>When it last beat.</summary>
    public long LastBeat;

    /// <summary>The stream that beat it last, if closing that stream is to end it.</summary>
    public HeartbeatStream? Owner;

    /// <summary>Whether it is the anonymous one.</summary>
    public readonly bool IsAnonymous => Id.IsEmpty;
}
