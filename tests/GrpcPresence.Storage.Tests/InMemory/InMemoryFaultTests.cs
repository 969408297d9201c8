using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Storage.Tests.Conformance;
using GrpcPresence.Testing;

namespace GrpcPresence.Storage.Tests.InMemory;

/// <summary>The faults that the in-memory store produces on demand.</summary>
public sealed class InMemoryFaultTests : IDisposable
{
    private readonly InMemoryPresenceStore _store = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _store.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task The_nth_operation_fails_and_loses_the_commit(int number)
    {
        // A read, a reopening, the commit.
        _store.Faults.FailOperation(number);

        Assert.Throws<StorageException>(AddTwoServices);

        Assert.Empty(await _store.ListServicesAsync(0, 10, Stop));
        AddTwoServices();
        Assert.Equal(2, (await _store.ListServicesAsync(0, 10, Stop)).Count);
    }

    [Theory]
    [InlineData(CommitFault.BeforeEffect)]
    [InlineData(CommitFault.AfterEffect)]
    public async Task A_commit_reports_failure_before_or_after_it_took_effect(CommitFault fault)
    {
        _store.Faults.FailCommit(fault);
        var session = StoreSession.Of(_store);
        session.InsertService(Sample.Service());
        var writes = session.Build();

        Assert.Throws<StorageException>(() => session.Commit(writes));

        var happened = fault == CommitFault.AfterEffect;
        var position = session.Reopen();
        Assert.Equal(happened, position.LastCommit == writes.Number);
        Assert.Equal(happened, position.LastResult is { IsWhole: true });
        Assert.Equal(happened, await _store.FindServiceAsync(Sample.ServiceSid(1), Stop) is not null);
    }

    [Fact]
    public void The_next_commit_is_stale_on_demand()
    {
        AddTwoServices();
        _store.Faults.MakeNextCommitStale();

        Assert.True(TakeRevision(3).IsStale(Sample.ServiceSid(1)));
        Assert.True(TakeRevision(3).IsWhole);
    }

    [Fact]
    public async Task Operations_complete_later_on_demand()
    {
        _store.Faults.CompleteLater(true);
        AddTwoServices();
        Assert.Equal(2, (await _store.ListServicesAsync(0, 10, Stop)).Count);
    }

    [Fact]
    public async Task Reads_fail_alone()
    {
        _store.Faults.FailReads(true);
        AddTwoServices();
        await Assert.ThrowsAsync<StorageException>(async () => await _store.FindServiceAsync(Sample.ServiceSid(1), Stop));

        _store.Faults.FailReads(false);
        Assert.NotNull(await _store.FindServiceAsync(Sample.ServiceSid(1), Stop));
    }

    [Fact]
    public async Task Operations_fail_until_the_fault_is_cleared()
    {
        _store.Faults.FailAllOperations(true);
        Assert.Throws<StorageException>(AddTwoServices);
        Assert.Throws<StorageException>(() => StoreSession.Of(_store).Reopen());
        Assert.Empty(await _store.ListServicesAsync(0, 10, Stop));

        _store.Faults.FailAllOperations(false);
        AddTwoServices();
    }

    [Fact]
    public async Task A_restored_backup_ends_the_timeline_where_the_backup_was_made()
    {
        AddTwoServices();
        var service = (await _store.FindServiceAsync(Sample.ServiceSid(1), Stop))!;
        TakeRevision(3);
        var (timeline, backup) = (_store.TimelineOf(service), _store.Image);
        TakeRevision(9);

        _store.Restore(backup);
        StoreSession.Of(_store).Reopen();

        Assert.Equal(3, await _store.FindTimelineEndAsync(service, timeline, Stop));
        TakeRevision(7);
        Assert.Equal(3, await _store.FindTimelineEndAsync(service, timeline, Stop));
        Assert.NotEqual(timeline, _store.TimelineOf(service));
    }

    private void AddTwoServices()
    {
        var session = StoreSession.Of(_store);
        session.InsertService(Sample.Service(1));
        session.InsertService(Sample.Service(2));
        session.Commit();
    }

    private Core.Storage.Batches.CommitResult TakeRevision(long revision)
    {
        var session = StoreSession.Of(_store);
        session.UpdateService(session.FindService(Sample.ServiceSid(1))! with { Revision = revision });
        return session.Commit();
    }
}
