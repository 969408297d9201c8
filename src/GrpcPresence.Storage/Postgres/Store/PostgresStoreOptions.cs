using System.Security.Cryptography;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>The options of a <see cref="PostgresPresenceStore"/>.</summary>
public sealed record PostgresStoreOptions
{
    /// <summary>
    /// The connection string in the form of Npgsql. The store sets what its promises depend on itself: application name, pooling, timeouts
    /// and the settings of its sessions.
    /// </summary>
    public required string ConnectionString { get; init; }

    /// <summary>The maximum number of connections that read; 16. Further reads wait for one of them.</summary>
    public int MaxReaders { get; init; } = 16;

    /// <summary>
    /// How long opening waits for a sign of the node that holds the database; 2 s. A node commits its uptime every second, so a node that
    /// runs shows itself within this time.
    /// </summary>
    public TimeSpan HolderPatience { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long a node without a session keeps the database after its last commit; 1 s. A node whose connections are cut opens another one
    /// well within this time.
    /// </summary>
    public TimeSpan HolderGrace { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long a node without a session keeps the database after the server itself was restarted or replaced; 5 s. More than the longest
    /// pause between two attempts of a node to reconnect.
    /// </summary>
    public TimeSpan HolderGraceAfterRestart { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The number of the node; 1. Tests open two nodes, each of which writes.</summary>
    internal long Node { get; init; } = 1;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Creates the id of a timeline: random, except in tests that must be repeatable.</summary>
    public Func<Guid> NewTimeline { get; init; } = static () => new Guid(RandomNumberGenerator.GetBytes(16));
}
