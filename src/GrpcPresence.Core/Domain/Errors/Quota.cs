namespace GrpcPresence.Core.Domain.Errors;

/// <summary>What a quota bounds. Rates are per second; the others are levels, which only go down when something is given up.</summary>
public enum Quota
{
    /// <summary>Watches that are open at the same time.</summary>
    OpenStreams,

    /// <summary>Users whom open watches name, counted once for each watch that names them.</summary>
    WatchedUsers,

    /// <summary>Heartbeats, unary or entries of a stream's messages.</summary>
    HeartbeatsPerSecond,

    /// <summary>Calls that change what is stored.</summary>
    WritesPerSecond,

    /// <summary>Users of a service instance.</summary>
    Users,

    /// <summary>Streams that are opened, of watches and of heartbeats.</summary>
    NewStreamsPerSecond,
}
