using Dapper;
using GrpcPresence.Storage.Sqlite.Schema;
using GrpcPresence.Storage.Tests.Conformance;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Tests.Sqlite;

/// <summary>
/// Tests that a database of each earlier schema version opens with all its data. The dumps were made by the programs of these versions, and
/// all contain the same data.
/// </summary>
public sealed class UpgradeTests : SqliteTestBase
{
    private static readonly string Dumps = Path.Combine(AppContext.BaseDirectory, "Sqlite", "Dumps");

    public static TheoryData<string> Versions =>
        [.. Directory.GetFiles(Dumps, "*.sql").Select(file => Path.GetFileNameWithoutExtension(file))];

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_database_of_an_earlier_version_opens_with_all_its_data(string version)
    {
        using (var connection = new SqliteConnection($"Data Source={DatabasePath};Pooling=false;Foreign Keys=false"))
            connection.Execute(File.ReadAllText(Path.Combine(Dumps, $"{version}.sql")));

        using (var store = Open())
            await UpgradedData.RequireAsync(store, Stop);

        using (var connection = new SqliteConnection($"Data Source={DatabasePath};Pooling=false"))
        {
            connection.Open();
            Assert.Equal(
                Migrations.SchemaOf(Migrations.Latest).OrderBy(entry => entry.Name),
                Migrations.ReadSchema(connection).OrderBy(entry => entry.Name));
        }
    }

    [Fact]
    public async Task The_counters_of_keys_begin_after_keys_that_lie_in_their_range_already()
    {
        const long First = (1L << 36) + 1;
        using (var connection = new SqliteConnection($"Data Source={DatabasePath};Pooling=false;Foreign Keys=false"))
        {
            connection.Execute(File.ReadAllText(Path.Combine(Dumps, "0007.sql")));
            connection.Execute(
                "UPDATE users SET id = @First + 4 WHERE id = 5; UPDATE push_bindings SET id = @First, user_id = @First + 4", new { First });
        }
        using var store = Open();
        var session = StoreSession.Of(store);
        var one = (await store.ListServicesAsync(0, 10, Stop))[0];

        var added = session.InsertUser(session.FindService(one.Sid)!.Id, Sample.User(1, one.Revision + 1));
        var binding = session.InsertBinding(one.Id, added.Id, Sample.Binding(1, added));
        session.Commit();

        Assert.Equal((First + 5, First + 1), (added.Id, binding.Id));
        Assert.Equal(added, (await store.FindUsersAsync(one.Sid, [Sample.Key(added)], Stop)).Users[0].Record);
    }

    [Fact]
    public void Every_version_since_the_fourth_has_a_dump() =>
        Assert.Equal(
            Enumerable.Range(4, (int)Migrations.Latest - 3).Select(version => $"{version:d4}"),
            Directory.GetFiles(Dumps, "*.sql").Select(Path.GetFileNameWithoutExtension).Order());
}
