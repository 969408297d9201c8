using System.Security.Cryptography;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>How a <see cref="SqlitePresenceStore"/> keeps its data.</summary>
public sealed record SqliteStoreOptions
{
    /// <summary>The database file. Its directory is created; two more files (<c>-wal</c>, <c>-shm</c>) and the lock file stand beside it.</summary>
    public required string Path { get; init; }

    /// <summary>How long a statement waits for a lock that somebody outside holds; 1 s. Callers of the writer wait with it.</summary>
    public TimeSpan BusyTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Bytes of the write-ahead log from which it is checkpointed when nobody waits; 4 MiB. Below that the log costs nothing, and a checkpoint after
    /// every small commit would make the next one wait for two more syncs.
    /// </summary>
    public long IdleCheckpointBytes { get; init; } = 4L * 1024 * 1024;

    /// <summary>Bytes of the write-ahead log from which it is checkpointed although somebody waits; 64 MiB. It bounds the disk that a long sweep takes.</summary>
    public long BusyCheckpointBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>Draws the id of a timeline; random unless a test must repeat itself.</summary>
    public Func<Guid> NewTimeline { get; init; } = static () => new Guid(RandomNumberGenerator.GetBytes(16));
}
