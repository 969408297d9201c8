using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Storage.Postgres.Schema;
using GrpcPresence.Storage.Tests.Conformance;
using GrpcPresence.Testing;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>Tests that a PostgreSQL database of each earlier schema version opens with all its data.</summary>
public sealed class UpgradeTests
{
    private static readonly string Dumps = Path.Combine(AppContext.BaseDirectory, "Postgres", "Dumps");

    public static TheoryData<string> Versions =>
        [.. Directory.GetFiles(Dumps, "*.sql").Select(file => Path.GetFileNameWithoutExtension(file))];

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_PostgreSQL_database_of_an_earlier_version_opens_with_all_its_data(string version)
    {
        var database = PostgresTests.NewDatabase();
        PostgresServer.Shared.Run(database, Path.Combine(Dumps, $"{version}.sql"));

        using (var store = PostgresTests.Open(database))
            await UpgradedData.RequireAsync(store, TestContext.Current.CancellationToken);

        Assert.Equal(Migrations.Latest, PostgresServer.Query<int>(database, "SELECT version FROM schema_version"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_cluster_finds_the_online_users_and_the_ended_sessions_of_an_earlier_version_by_shard(string version)
    {
        var database = PostgresTests.NewDatabase();
        PostgresServer.Shared.Run(database, Path.Combine(Dumps, $"{version}.sql"));
        var stop = TestContext.Current.CancellationToken;

        using var store = PostgresTests.OpenNode(database);

        var online = await store.ListOnlineUsersAsync(0, 10, stop);
        Assert.Equal(["ada", "cay"], online.Select(user => user.Identity.ToString()));
        foreach (var user in online)
            Assert.Contains(user, await store.ListOnlineUsersAsync(Shard.Of(user.Service, user.Identity), 0, 10, stop));
        foreach (var ended in await store.ListEndedSessionsAsync(0, 10, stop))
            Assert.Contains(ended, await store.ListEndedSessionsAsync(Shard.Of(ended.Service, ended.Identity), 0, 10, stop));
        Assert.Equal(0, PostgresServer.Query<long>(
            database,
            """
            SELECT (SELECT count(*) FROM presence WHERE shard IS NULL) + (SELECT count(*) FROM ended_sessions WHERE shard IS NULL)
                + (SELECT count(*) FROM services WHERE home_shard IS NULL)
            """));
    }
}
