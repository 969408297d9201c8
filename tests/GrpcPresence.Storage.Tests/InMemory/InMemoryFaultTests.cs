using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage;
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
    [InlineData(4)]
    public async Task The_nth_operation_fails_and_loses_the_transaction(int number)
    {
        _store.Faults.FailOperation(number);

        Assert.Throws<StorageException>(() => AddTwoServices());

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
        var transaction = _store.BeginTransaction();
        transaction.InsertService(Sample.Service());

        Assert.Throws<StorageException>(transaction.Commit);

        var happened = fault == CommitFault.AfterEffect;
        Assert.Equal(happened, _store.Reopen() == transaction.Id);
        Assert.Equal(happened, await _store.FindServiceAsync(Sample.ServiceSid(1), Stop) is not null);
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
        Assert.Throws<StorageException>(_store.BeginTransaction);
        Assert.Throws<StorageException>(() => _store.Reopen());
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

        Assert.Equal(3, await _store.FindTimelineEndAsync(service, timeline, Stop));
        TakeRevision(7);
        Assert.Equal(3, await _store.FindTimelineEndAsync(service, timeline, Stop));
        Assert.NotEqual(timeline, _store.TimelineOf(service));
    }

    private void AddTwoServices()
    {
        using IStoreTransaction transaction = _store.BeginTransaction();
        transaction.InsertService(Sample.Service(1));
        transaction.InsertService(Sample.Service(2));
        transaction.Commit();
    }

    private void TakeRevision(long revision)
    {
        using var transaction = _store.BeginTransaction();
        transaction.UpdateService(transaction.FindService(Sample.ServiceSid(1))! with { Revision = revision });
        transaction.Commit();
    }
}
