using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Storage.Tests.Conformance;

public sealed class InMemoryClusterStoreConformance : ClusterStoreConformance, IDisposable
{
    private readonly InMemoryPresenceStore _store;

    public InMemoryClusterStoreConformance()
        : this(StoreMutation.None)
    {
    }

    internal InMemoryClusterStoreConformance(StoreMutation mutation) =>
        _store = new InMemoryPresenceStore { Mutation = mutation };

    public void Dispose() => _store.Dispose();

    protected override IClusterStore OpenNode() => _store.OpenNode();

    protected override Task<Func<Task>> BackUpAsync()
    {
        var image = _store.Image;
        return Task.FromResult(() =>
        {
            _store.Promote(image);
            return Task.CompletedTask;
        });
    }

    protected override async Task<ClusterPoll> PollDuringAsync(IClusterStore store, KnownCluster known, Func<Task> changes)
    {
        ((InMemoryPresenceStore)store).ClusterFaults.ChangeDuringPoll(changes);
        return await store.PollAsync(known, TestContext.Current.CancellationToken);
    }

    protected override Func<Task> SendLate(IClusterStore store, BatchWrites writes)
    {
        var node = (InMemoryPresenceStore)store;
        node.Faults.FailCommit(CommitFault.Late);
        Assert.Throws<StorageException>(() => { _ = node.CommitAsync(writes).AsTask().GetAwaiter().GetResult(); });
        return () =>
        {
            node.LandLateCommit(0);
            return Task.CompletedTask;
        };
    }
}
