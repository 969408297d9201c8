using System.Security.Cryptography;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>The options of a <see cref="SqlitePresenceStore"/>.</summary>
public sealed record SqliteStoreOptions
{
    /// <summary>
    /// The database file. Its directory is created. The lock file and two more files (<c>-wal</c>, <c>-shm</c>) are beside it.
    /// </summary>
    public required string Path { get; init; }

    /// <summary>How long a statement waits for a lock that another process holds; 1 s. Callers of the writer wait with it.</summary>
    public TimeSpan BusyTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Bytes of the write-ahead log from which it is checkpointed when no command waits; 4 MiB. Below that the log costs nothing, and a
    /// checkpoint after every small commit would make the next one wait for two more syncs.
    /// </summary>
    public long IdleCheckpointBytes { get; init; } = 4L * 1024 * 1024;

    /// <summary>
    /// Bytes of the write-ahead log from which it is checkpointed although commands wait; 64 MiB. Bounds the disk space that a long sweep
    /// needs.
    /// </summary>
    public long BusyCheckpointBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>Bytes that the file of the write-ahead log keeps for the next commits when the writer is idle; 16 MiB.</summary>
    public long KeptLogBytes { get; init; } = 16L * 1024 * 1024;

    /// <summary>
    /// How often an idle writer looks at the size of the log's file; 30 s. A reader that stays would make each attempt to truncate it copy
    /// pages in vain.
    /// </summary>
    public TimeSpan LogTruncationInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Creates the id of a timeline: random, except in tests that must be repeatable.</summary>
    public Func<Guid> NewTimeline { get; init; } = static () => new Guid(RandomNumberGenerator.GetBytes(16));
}
