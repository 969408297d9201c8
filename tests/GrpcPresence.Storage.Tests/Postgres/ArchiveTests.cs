using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Storage.Tests.Conformance;
using GrpcPresence.Testing;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>Archives that <c>pg_dump -F c</c> made and <c>pg_restore</c> restores, wholly or in part.</summary>
public sealed class ArchiveTests
{
    private static readonly ServiceSid Sid = Sample.ServiceSid(1);

    [Theory]
    [InlineData(true, "")]
    [InlineData(true, "-j 2")]
    [InlineData(false, "--clean --if-exists --single-transaction")]
    [InlineData(false, "--clean --if-exists")]
    [InlineData(false, "--clean --if-exists -j 2")]
    public async Task Resume_After_an_archive_was_restored_tokens_of_lost_revisions_reset_and_others_go_on(bool intoEmpty, string options)
    {
        var database = PostgresTests.NewDatabase();
        var store = PostgresTests.Open(database);
        var (session, service) = AddUser(store);
        var archive = PostgresServer.Shared.Archive(database); // while the node runs
        var first = store.TimelineOf(service);
        Rename(session, "lost");
        store.Dispose();
        store = PostgresTests.Open(database);
        var second = store.TimelineOf(service);
        Rename(StoreSession.Of(store), "lost as well");
        store.Dispose();
        var target = intoEmpty ? PostgresTests.NewDatabase() : database;
        PostgresServer.Shared.RestoreArchive(target, archive, Split(options));

        using var next = PostgresTests.Open(target);
        var after = StoreSession.Of(next);
        // The present timeline is one that no token names yet, so the new revision 2 is not the lost one.
        var found = after.FindService(Sid)!;
        Assert.Equal(service with { Timeline = found.Timeline }, found);
        Assert.DoesNotContain(found.Timeline, new[] { first, second });
        Assert.Equal(WebhookSweep.Everyone, (await next.FindWebhookAsync(Sid, default))!.Position.Sweep);
        Rename(after, "new");
        Assert.Equal(2, after.FindService(Sid)!.Revision);
        // So a token of the revision 1 resumes, and those of the lost revisions 2 and 3 do not.
        Assert.Equal(1, await next.FindTimelineEndAsync(service, first, default));
        Assert.Null(await next.FindTimelineEndAsync(service, second, default));
    }

    [Fact]
    public async Task An_archive_that_is_restored_under_a_running_node_ends_its_writing()
    {
        var database = PostgresTests.NewDatabase();
        using var store = PostgresTests.Open(database);
        var (session, service) = AddUser(store);
        var archive = PostgresServer.Shared.Archive(database);
        Rename(session, "lost");
        PostgresServer.Shared.RestoreArchive(database, archive, "--clean", "--if-exists", "--single-transaction");

        session.UpdateService(session.FindService(Sid)! with { FriendlyName = "mixed", Revision = 3 });
        Assert.Throws<StorageException>(() => session.Commit());
        Assert.Throws<StorageException>(() => session.Reopen());
        Assert.Contains("went back", await store.Fenced, StringComparison.Ordinal);
        Assert.Equal(service.FriendlyName, (await store.FindServiceAsync(Sid, default))!.FriendlyName);
    }

    [Fact]
    public async Task A_restore_in_a_single_transaction_that_fails_half_way_changes_nothing()
    {
        var database = PostgresTests.NewDatabase();
        var archive = await ArchiveHalf(database);

        Assert.Throws<InvalidOperationException>(
            () => PostgresServer.Shared.RestoreArchive(database, archive, "--clean", "--if-exists", "--single-transaction"));

        using var next = PostgresTests.Open(database);
        Assert.Equal("kept", (await next.FindServiceAsync(Sid, default))!.FriendlyName);
        Assert.Null((await next.FindWebhookAsync(Sid, default))!.Position.Sweep);
    }

    [Theory]
    [InlineData(false, "--clean --if-exists")]
    [InlineData(false, "--clean --if-exists -j 2")]
    [InlineData(true, "")]
    [InlineData(true, "-j 2")]
    public async Task A_database_with_a_part_of_an_archive_is_rejected(bool intoEmpty, string options)
    {
        var database = PostgresTests.NewDatabase();
        var archive = await ArchiveHalf(database);
        var target = intoEmpty ? PostgresTests.NewDatabase() : database;

        Assert.Throws<InvalidOperationException>(() => PostgresServer.Shared.RestoreArchive(target, archive, Split(options)));

        await IsRejectedAsDamaged(target);
    }

    /// <summary>Without a single transaction, the tool goes on after a table whose rows it cannot restore.</summary>
    [Theory]
    [InlineData("nodes")]
    [InlineData("timelines")]
    [InlineData("services")]
    [InlineData("users")]
    [InlineData("presence")]
    public async Task A_database_without_the_rows_of_one_table_of_an_archive_is_rejected(string table)
    {
        var database = PostgresTests.NewDatabase();
        using (var store = PostgresTests.Open(database))
            AddUser(store);
        var archive = PostgresServer.Shared.Archive(database);
        var target = PostgresTests.NewDatabase();
        PostgresServer.Shared.RestoreArchive(target, archive, "--section=pre-data");
        PostgresServer.Execute(target, $"ALTER TABLE {table} ADD CHECK (false)");

        Assert.Throws<InvalidOperationException>(
            () => PostgresServer.Shared.RestoreArchive(target, archive, "--section=data", "--section=post-data"));

        Assert.Equal(0, PostgresServer.Query<long>(target, $"SELECT count(*) FROM {table}"));
        await IsRejectedAsDamaged(target);
    }

    [Fact]
    public void A_database_whose_only_service_instance_is_purged_in_part_is_opened()
    {
        var database = PostgresTests.NewDatabase();
        using (var store = PostgresTests.Open(database))
        {
            var (session, service) = AddUser(store);
            session.DeleteService(service.Id);
            session.Commit();
        }
        PostgresServer.Execute(database, "DELETE FROM presence");
        PostgresTests.Open(database).Dispose();
        PostgresServer.Execute(database, "DELETE FROM users");
        PostgresTests.Open(database).Dispose();
    }

    /// <summary>Returns an archive of the database that ends in the middle of its rows. The database contains a later change.</summary>
    private static async Task<string> ArchiveHalf(string database)
    {
        using var store = PostgresTests.Open(database);
        var (session, _) = AddUser(store);
        var archive = PostgresServer.Shared.Archive(database);
        var bytes = await File.ReadAllBytesAsync(archive, TestContext.Current.CancellationToken);
        // Within the rows, which are the last part of an archive.
        await File.WriteAllBytesAsync(archive, bytes[..^100], TestContext.Current.CancellationToken);
        Rename(session, "kept");
        return archive;
    }

    private static async Task IsRejectedAsDamaged(string database)
    {
        var rejected = await Assert.ThrowsAsync<PostgresRejectedException>(() => PostgresTests.OpenAsync(database));
        Assert.Equal(PostgresRejection.Damaged, rejected.Rejection);
        Assert.DoesNotContain('\n', rejected.Message);
    }

    private static (StoreSession Session, ServiceRecord Service) AddUser(PostgresPresenceStore store)
    {
        var session = StoreSession.Of(store);
        var service = session.InsertService(Sample.Service() with { Revision = 1, UserCount = 1 });
        session.InsertUser(service.Id, Sample.User(1, 1));
        session.PutWebhook(
            new StoredWebhook(service.Id, Sid, new WebhookSettings { PostUrl = "https://post.example" }, new WebhookPosition(1)));
        Assert.True(session.Commit().IsWhole);
        return (session, session.FindService(Sid)!);
    }

    private static void Rename(StoreSession session, string name)
    {
        var service = session.FindService(Sid)!;
        session.UpdateService(service with { FriendlyName = name, Revision = service.Revision + 1 });
        Assert.True(session.Commit().IsWhole);
    }

    private static string[] Split(string options) => options.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
