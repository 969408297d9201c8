using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Postgres.Native;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Storage.Tests.Conformance;
using GrpcPresence.Testing;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>A synchronous standby that stops confirming. A commit that it does not have could be lost by its promotion.</summary>
public sealed class SynchronousStandbyTests : IDisposable
{
    private static readonly ServiceSid Sid = Sample.ServiceSid(1);

    private readonly PostgresServer _primary;
    private readonly PostgresServer _standby;
    private readonly FakeTimeProvider _time = new();
    private readonly PostgresPresenceStore _store;
    private readonly StoreSession _session;
    private readonly ServiceRecord _service;

    public SynchronousStandbyTests()
    {
        PostgresTests.SkipIfMissing();
        _primary = PostgresServer.Start();
        _standby = _primary.StartStandby();
        PostgresServer.Execute(_primary.ConnectionString(), "ALTER SYSTEM SET synchronous_standby_names = '*'");
        PostgresServer.Execute(_primary.ConnectionString(), "SELECT pg_reload_conf()");
        PostgresTests.WaitUntil(_primary.ConnectionString(), "EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')");
        _store = PostgresPresenceStore.OpenAsync(
            new PostgresStoreOptions { ConnectionString = _primary.ConnectionString(), Time = _time },
            CancellationToken.None).GetAwaiter().GetResult();
        _session = StoreSession.Of(_store);
        _service = _session.InsertService(Sample.Service() with { Revision = 1 });
        _session.Commit();
    }

    public void Dispose()
    {
        _standby.ThawReplication();
        _store.Dispose();
        _standby.Dispose();
        _primary.Dispose();
    }

    [Fact]
    public async Task A_commit_that_no_standby_confirmed_is_neither_acknowledged_nor_visible_after_reopening()
    {
        var before = _store.WritingSession;
        var number = await CommitWithoutConfirmationAsync();

        var reopening = ReopenAsync();
        PostgresTests.WaitUntil(
            _primary.ConnectionString(),
            "EXISTS (SELECT FROM pg_stat_activity WHERE application_name LIKE 'node-%' "
                + $"AND pid <> {before} AND wait_event IN ('SyncRep', 'transactionid'))");
        await Assert.ThrowsAsync<StorageException>(() => AfterLimit(reopening));
        Assert.Equal(_service.FriendlyName, (await _store.FindServiceAsync(Sid, default))!.FriendlyName);

        _standby.ThawReplication();
        await AssertAcknowledgedAsync(number);
    }

    [Fact]
    public async Task After_a_restart_of_the_primary_reopening_acknowledges_nothing_before_the_standby_confirms()
    {
        var number = await CommitWithoutConfirmationAsync();
        _primary.Crash();
        _primary.Resume();

        var reopening = ReopenAsync();
        WaitUntilCommitWaits();
        await Assert.ThrowsAsync<StorageException>(() => AfterLimit(reopening));

        _standby.ThawReplication();
        await AssertAcknowledgedAsync(number);
    }

    private async Task<long> CommitWithoutConfirmationAsync()
    {
        _session.UpdateService(_service with { FriendlyName = "renamed" });
        var writes = _session.Build();
        _standby.FreezeReplication();
        var committing = Task.Run(() => _session.Commit(writes), TestContext.Current.CancellationToken);
        WaitUntilCommitWaits();
        await Assert.ThrowsAsync<StorageException>(() => AfterLimit(committing));
        return writes.Number;
    }

    /// <summary>Reopens until the standby has connected again. Each attempt waits on the server for it.</summary>
    private async Task AssertAcknowledgedAsync(long number)
    {
        PostgresTests.WaitUntil(
            _primary.ConnectionString(), "NOT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep')");
        var position = _session.Reopen();
        Assert.Equal((number, true), (position.LastCommit, position.LastResult!.IsWhole));
        Assert.Equal("renamed", (await _store.FindServiceAsync(Sid, default))!.FriendlyName);
    }

    private Task<WriterPosition> ReopenAsync() => Task.Run(() => _session.Reopen(), TestContext.Current.CancellationToken);

    private void WaitUntilCommitWaits() => PostgresTests.WaitUntil(
        _primary.ConnectionString(), "EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep')");

    /// <summary>Lets the limit pass, as soon as the call waits for it. Each attempt takes a round trip.</summary>
    private async Task AfterLimit(Task call)
    {
        for (var attempt = 0; attempt < 2000 && !call.IsCompleted; attempt++)
        {
            _time.Advance(PostgresConnections.AnswerLimit);
            PostgresServer.Query<int>(_primary.ConnectionString(), "SELECT 1");
        }
        Assert.True(call.IsCompleted);
        await call;
    }
}
