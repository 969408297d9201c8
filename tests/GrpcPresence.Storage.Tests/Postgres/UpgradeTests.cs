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
}
