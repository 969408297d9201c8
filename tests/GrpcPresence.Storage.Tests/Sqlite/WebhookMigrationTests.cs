using Dapper;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Storage.Sqlite.Store;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Tests.Sqlite;

/// <summary>
/// What becomes of webhook positions of schema version 4. The server sent nothing then when an on-period ended, so an endpoint may still
/// believe in its reachability.
/// </summary>
public sealed class WebhookMigrationTests : SqliteTestBase
{
    private const string Scripts = "GrpcPresence.Storage.Sqlite.Schema.Migrations.";

    private static readonly string[] Version4 = ["0001_initial", "0002_api_keys", "0003_user_count", "0004_webhooks"];
    private static readonly WebhookSweep OfEverKnown = new(KnownSince: 1, AfterId: 0);

    [Fact]
    public async Task Endpoints_that_may_believe_in_an_ended_on_period_are_swept()
    {
        using (var old = CreateVersion4())
        {
            Add(old, id: 1, switchedOn: 3, switched: 3, isOn: true, knownUser: 4);
            Add(old, id: 2, switchedOn: 3, switched: 5, isOn: false, knownUser: 4);
            Add(old, id: 3, switchedOn: 9, switched: 9, isOn: true, knownUser: 4);
            Add(old, id: 4, switchedOn: 0, switched: 0, isOn: false, knownUser: 0);
            Add(old, id: 5, switchedOn: 3, switched: 5, isOn: false, knownUser: 4, url: "");
        }
        File.WriteAllBytes(DatabasePath + ".lock", []);

        using var store = Open();

        Assert.Equal(new WebhookPosition(8, KnownSince: 3), await PositionAsync(store, 1));
        Assert.Equal(new WebhookPosition(8, KnownSince: null, OfEverKnown), await PositionAsync(store, 2));
        Assert.Equal(new WebhookPosition(8, KnownSince: 9, OfEverKnown), await PositionAsync(store, 3));
        Assert.Equal(new WebhookPosition(8), await PositionAsync(store, 4));
        Assert.Equal(new WebhookPosition(8), await PositionAsync(store, 5));
    }

    [Fact]
    public async Task Settings_of_before_fail_open_and_sign_with_the_first_secret()
    {
        using (var old = CreateVersion4())
            Add(old, id: 1, switchedOn: 3, switched: 3, isOn: true, knownUser: 0);

        using var store = Open();

        var webhook = (await store.FindWebhookAsync(Sid(1), Stop))!;
        Assert.Equal(new WebhookSettings { PostUrl = "https://post.example", Filters = ["onUserAdded"] }, webhook.Settings);
        Assert.Equal(1, webhook.SecretGeneration);
    }

    private static ServiceSid Sid(int id) => new((UInt128)id);

    private static async Task<WebhookPosition> PositionAsync(SqlitePresenceStore store, int id) =>
        (await store.FindWebhookAsync(Sid(id), Stop))!.Position;

    private SqliteConnection CreateVersion4()
    {
        var connection = new SqliteConnection($"Data Source={DatabasePath};Pooling=false");
        connection.Open();
        foreach (var name in Version4)
        {
            using var script = new StreamReader(typeof(SqlitePresenceStore).Assembly.GetManifestResourceStream($"{Scripts}{name}.sql")!);
            connection.Execute(script.ReadToEnd());
        }
        connection.Execute("PRAGMA user_version = 4");
        return connection;
    }

    private static void Add(
        SqliteConnection connection, int id, long switchedOn, long switched, bool isOn, long knownUser, string url = "https://post.example")
    {
        var sid = new byte[16];
        sid[15] = (byte)id;
        connection.Execute(
            """
            INSERT INTO services VALUES (@id, @sid, 10, 0, 0, 0, 0, @isOn, 0, 0, 0, 0, '', '', '', 1, @switchedOn, @switched, 0, '', 1);
            INSERT INTO users VALUES (@id, @id, @sid, 1, @knownUser, 4, 4, 0, NULL, 0, 0, 4, 0, 0, 0, 0, 0, '', 'ada', '', '{}', 0);
            INSERT INTO webhooks VALUES (@id, 8, 1, '', @url, 'onUserAdded');
            """,
            new { id, sid, isOn = isOn ? 1 : 0, switchedOn, switched, knownUser, url });
    }
}
