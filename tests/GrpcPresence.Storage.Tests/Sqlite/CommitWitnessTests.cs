using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Storage.Sqlite.Files;
using GrpcPresence.Storage.Sqlite.Store;
using GrpcPresence.Storage.Tests.Conformance;

namespace GrpcPresence.Storage.Tests.Sqlite;

/// <summary>
/// A start notices that the data went back, however that happened. Otherwise webhook endpoints would keep states that are lost.
/// </summary>
public sealed class CommitWitnessTests : SqliteTestBase
{
    private string BackupPath => InDirectory("backup.db");

    [Fact]
    public async Task A_start_after_a_stop_or_a_kill_sweeps_nobody()
    {
        AddWebhook();
        for (var start = 0; start < 3; start++)
        {
            using var store = Open();
            Assert.Null(await SweepAsync(store));
            AddUsers(store, start);
        }
        var after = Directory.CreateDirectory(InDirectory("after-kill")).FullName;
        using (var killed = Open())
        {
            AddUsers(killed, 10);
            File.Copy(DatabasePath, Path.Combine(after, "presence.db"));
            File.Copy(DatabasePath + "-wal", Path.Combine(after, "presence.db-wal"));
        }
        // An open lock file cannot be copied, and closing writes nothing into it.
        File.Copy(DatabasePath + ".lock", Path.Combine(after, "presence.db.lock"));
        using var next = Open(Path.Combine(after, "presence.db"));
        Assert.Null(await SweepAsync(next));
    }

    [Fact]
    public async Task A_restored_backup_is_noticed_where_a_server_ran_and_where_none_did()
    {
        AddWebhook();
        SqliteBackup.Backup(DatabasePath, BackupPath);

        SqliteBackup.Restore(BackupPath, DatabasePath);
        SqliteBackup.Restore(BackupPath, InDirectory("elsewhere.db"));

        await RequireSweepAsync(DatabasePath);
        await RequireSweepAsync(InDirectory("elsewhere.db"));
    }

    [Fact]
    public async Task A_copied_file_is_noticed_when_commits_are_missing_from_it()
    {
        AddWebhook();
        SqliteBackup.Backup(DatabasePath, BackupPath);
        using (var store = Open())
            AddUsers(store, 1);

        File.Copy(BackupPath, DatabasePath, overwrite: true);
        File.Copy(BackupPath, InDirectory("elsewhere.db"));

        await RequireSweepAsync(DatabasePath);
        await RequireSweepAsync(InDirectory("elsewhere.db"));
    }

    [Fact]
    public async Task A_copy_from_another_history_is_noticed_although_it_has_more_commits()
    {
        AddWebhook();
        SqliteBackup.Backup(DatabasePath, BackupPath);
        using (var store = Open())
            AddUsers(store, 1);
        File.Copy(DatabasePath, InDirectory("lost-history.db"));
        File.Copy(BackupPath, DatabasePath, overwrite: true);
        await RequireSweepAsync(DatabasePath);

        File.Copy(InDirectory("lost-history.db"), DatabasePath, overwrite: true);

        await RequireSweepAsync(DatabasePath);
    }

    [Fact]
    public async Task A_lock_file_of_an_earlier_version_proves_nothing()
    {
        AddWebhook();
        File.WriteAllBytes(DatabasePath + ".lock", []);

        using var store = Open();

        Assert.Null(await SweepAsync(store));
    }

    private void AddWebhook()
    {
        using var store = Open();
        var service = AddService(store);
        var session = StoreSession.Of(store);
        session.PutWebhook(new StoredWebhook(
            service.Id, service.Sid, new WebhookSettings { PostUrl = "https://post.example" }, new WebhookPosition(0)));
        session.Commit();
    }

    private static async Task<WebhookSweep?> SweepAsync(SqlitePresenceStore store) =>
        Assert.Single(await store.ListWebhooksAsync(Stop)).Position.Sweep;

    /// <summary>Requires that a start sweeps everybody, and that the start after the sweep does not.</summary>
    private static async Task RequireSweepAsync(string path)
    {
        using (var store = Open(path))
        {
            var webhook = Assert.Single(await store.ListWebhooksAsync(Stop));
            Assert.Equal(WebhookSweep.Everyone, webhook.Position.Sweep);
            var session = StoreSession.Of(store);
            session.FindService(webhook.ServiceSid);
            session.PutWebhook(webhook with { Position = webhook.Position with { Sweep = null } });
            session.Commit();
        }
        using var again = Open(path);
        Assert.Null(await SweepAsync(again));
    }
}
