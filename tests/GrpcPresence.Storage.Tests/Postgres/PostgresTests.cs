using System.Collections.Concurrent;
using GrpcPresence.Storage.Postgres.Cluster;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Testing;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>Opens stores on the server that the tests share.</summary>
internal static class PostgresTests
{
    // Back to what a migration leaves. Much faster than another schema.
    private const string Empty = """
        DELETE FROM nodes; DELETE FROM services; DELETE FROM users; DELETE FROM presence; DELETE FROM tombstones; DELETE FROM push_bindings;
        DELETE FROM ended_sessions; DELETE FROM webhooks; DELETE FROM notifications; DELETE FROM api_keys; DELETE FROM timelines;
        DELETE FROM timeline_cuts;
        UPDATE directory SET version = 0, next_service_id = 1, next_api_key_id = 1;
        UPDATE uptime SET alive_time = NULL, total = 0;
        DELETE FROM node_leases; UPDATE shards SET owner = NULL, incarnation = NULL, epoch = 0 WHERE epoch > 0;
        UPDATE cluster SET id = NULL, secret_check = NULL, data = NULL;
        """;

    private static readonly ConcurrentBag<string> Spare = [];

    /// <summary>
    /// Returns the connection string of a schema without data, which may have the tables of an earlier test. Skips the test if PostgreSQL
    /// is not installed.
    /// </summary>
    public static string RentSchema()
    {
        SkipIfMissing();
        return Spare.TryTake(out var spare) ? spare : PostgresServer.Shared.CreateSchema();
    }

    /// <summary>Removes the data of a schema that no store uses any longer, and keeps the schema for another test.</summary>
    public static void ReturnSchema(string connectionString)
    {
        PostgresServer.Execute(connectionString, Empty);
        Spare.Add(connectionString);
    }

    /// <summary>Returns the connection string of an empty database. Skips the test if PostgreSQL is not installed.</summary>
    public static string NewDatabase(string options = "")
    {
        SkipIfMissing();
        return PostgresServer.Shared.CreateDatabase(options);
    }

    /// <summary>Skips the test if PostgreSQL is not installed.</summary>
    public static void SkipIfMissing() => Assert.SkipWhen(PostgresServer.MissingReason is not null, PostgresServer.MissingReason ?? "");

    /// <summary>Opens a store.</summary>
    public static PostgresPresenceStore Open(string connectionString, long node = 1) =>
        OpenAsync(connectionString, node).GetAwaiter().GetResult();

    /// <summary>Opens a store. The times in which another node would show itself are short.</summary>
    public static Task<PostgresPresenceStore> OpenAsync(string connectionString, long node = 1) =>
        PostgresPresenceStore.OpenAsync(OptionsOf(connectionString) with { Node = node }, CancellationToken.None);

    /// <summary>Opens a store of a node of a cluster, which has not joined.</summary>
    public static PostgresClusterStore OpenNode(
        string connectionString, string cluster = "test", byte secret = 1, TimeProvider? time = null) =>
        OpenNodeAsync(connectionString, cluster, secret, time).GetAwaiter().GetResult();

    /// <summary>Opens a store of a node of a cluster, which has not joined.</summary>
    public static Task<PostgresClusterStore> OpenNodeAsync(
        string connectionString, string cluster = "test", byte secret = 1, TimeProvider? time = null) => PostgresClusterStore.OpenAsync(
        OptionsOf(connectionString) with { Time = time ?? TimeProvider.System },
        new PostgresClusterOptions { ClusterId = cluster, SecretCheck = PostgresClusterOptions.CheckOf([secret], cluster) },
        CancellationToken.None);

    /// <summary>Waits until the condition, which follows SELECT and is a boolean, is true. Each attempt takes a round trip.</summary>
    public static void WaitUntil(string connectionString, string condition)
    {
        for (var attempt = 0; attempt < 2000; attempt++)
        {
            if (PostgresServer.Query<bool>(connectionString, $"SELECT {condition}"))
                return;
        }
        Assert.Fail($"This did not become true: {condition}");
    }

    private static PostgresStoreOptions OptionsOf(string connectionString) => new()
    {
        ConnectionString = connectionString,
        HolderGrace = TimeSpan.FromMilliseconds(100),
        HolderGraceAfterRestart = TimeSpan.FromMilliseconds(200),
        HolderPatience = TimeSpan.FromMilliseconds(300),
    };
}
