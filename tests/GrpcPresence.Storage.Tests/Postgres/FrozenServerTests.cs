using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Postgres.Native;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Storage.Tests.Conformance;
using GrpcPresence.Testing;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>A server whose connections stay open and that does not answer.</summary>
public sealed class FrozenServerTests : IDisposable
{
    private static readonly ServiceSid Sid = Sample.ServiceSid(1);

    private readonly string _connectionString = PostgresTests.RentSchema();
    private readonly SocketRelay _relay = new(PostgresServer.Shared.Directory);
    private readonly FakeTimeProvider _time = new();
    private readonly PostgresPresenceStore _store;
    private readonly StoreSession _session;
    private readonly ServiceRecord _service;

    public FrozenServerTests()
    {
        _store = PostgresPresenceStore.OpenAsync(
            new PostgresStoreOptions
            {
                ConnectionString = new NpgsqlConnectionStringBuilder(_connectionString) { Host = _relay.Directory }.ConnectionString,
                Time = _time,
            },
            CancellationToken.None).GetAwaiter().GetResult();
        _session = StoreSession.Of(_store);
        _service = _session.InsertService(Sample.Service() with { Revision = 1 });
        _session.Commit();
    }

    public void Dispose()
    {
        _store.Dispose();
        _relay.Dispose();
        PostgresTests.ReturnSchema(_connectionString);
    }

    [Fact]
    public async Task A_commit_that_is_not_answered_fails_after_its_limit_and_is_known_after_reopening()
    {
        _session.UpdateService(_service with { FriendlyName = "renamed" });
        var writes = _session.Build();
        _relay.Freeze();
        var committing = Task.Run(() => _session.Commit(writes), TestContext.Current.CancellationToken);
        PostgresTests.WaitUntil(_connectionString, $"last_commit = {writes.Number} FROM nodes");
        Assert.False(committing.IsCompleted);
        await Assert.ThrowsAsync<StorageException>(() => AfterLimit(committing));
        _relay.Thaw();

        var after = _session.Reopen();
        Assert.Equal((writes.Number, true), (after.LastCommit, after.LastResult!.IsWhole));
        Assert.Equal("renamed", (await _store.FindServiceAsync(Sid, default))!.FriendlyName);
    }

    [Fact]
    public async Task The_read_of_a_batch_that_is_answered_after_its_limit_changes_nothing_any_more()
    {
        var keys = new BatchKeys();
        keys.Service(Sid);
        var read = new BatchRead();
        var session = _store.WritingSession;
        _relay.Freeze();
        var reading = _store.ReadBatchAsync(keys, read).AsTask();
        await Assert.ThrowsAsync<StorageException>(() => AfterLimit(reading));
        read.Clear();
        read.AddService();
        _relay.Thaw();

        // The call ends its connection after the last answer.
        PostgresTests.WaitUntil(_connectionString, $"NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {session})");
        Assert.Null(read.Services[0].Service);
        Assert.Equal(1, _session.Reopen().LastCommit);
    }

    [Fact]
    public async Task After_reads_that_were_not_answered_one_tries_and_the_others_fail_at_once()
    {
        await _store.FindServiceAsync(Sid, default);
        _relay.Freeze();
        Task<ServiceRecord?>[] unanswered = [.. Enumerable.Range(0, 3).Select(_ => _store.FindServiceAsync(Sid, default).AsTask())];
        foreach (var reading in unanswered)
            await Assert.ThrowsAsync<StorageException>(() => AfterLimit(reading));

        var trial = _store.FindServiceAsync(Sid, default).AsTask();
        await Assert.ThrowsAsync<StorageException>(async () => await _store.FindServiceAsync(Sid, default));
        Assert.False(trial.IsCompleted);
        _relay.Thaw();
        Assert.Equal(_service, await trial);
        Assert.Equal(_service, await _store.FindServiceAsync(Sid, default));
    }

    [Fact]
    public async Task A_read_that_is_cancelled_ends_with_its_limit_and_not_before()
    {
        await _store.FindServiceAsync(Sid, default);
        _relay.Freeze();
        using var cancel = new CancellationTokenSource();
        var reading = _store.FindServiceAsync(Sid, cancel.Token).AsTask();
        await cancel.CancelAsync();
        Assert.False(reading.IsCompleted);
        await Assert.ThrowsAsync<StorageException>(() => AfterLimit(reading));
        _relay.Thaw();
        Assert.Equal(_service, await _store.FindServiceAsync(Sid, default));
    }

    /// <summary>Lets the limit pass, as soon as the call waits for it. Each attempt takes a round trip.</summary>
    private async Task AfterLimit(Task call)
    {
        for (var attempt = 0; attempt < 2000 && !call.IsCompleted; attempt++)
        {
            _time.Advance(PostgresConnections.AnswerLimit);
            PostgresServer.Query<int>(_connectionString, "SELECT 1");
        }
        Assert.True(call.IsCompleted);
        await call;
    }
}
