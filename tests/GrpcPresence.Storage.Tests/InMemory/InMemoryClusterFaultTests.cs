using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Storage.Tests.Conformance;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Cluster;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Storage.Tests.InMemory;

/// <summary>The faults that the in-memory store of a cluster produces on demand.</summary>
public sealed class InMemoryClusterFaultTests : IAsyncLifetime
{
    private static readonly NodeId A = new("a", 1);
    private static readonly NodeId B = new("b", 1);

    private readonly FakeTimeProvider _time = new();
    private readonly InMemoryPresenceStore _data;
    private readonly InMemoryPresenceStore _a;
    private readonly InMemoryPresenceStore _b;
    private ServiceRecord _service = null!;

    public InMemoryClusterFaultTests()
    {
        _data = new InMemoryPresenceStore(time: _time);
        (_a, _b) = (_data.OpenNode(), _data.OpenNode());
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await _a.JoinAsync(A, Stop);
        await _b.JoinAsync(B, Stop);
        Commit(_a, A, session => _service = session.InsertService(Sample.Service()));
    }

    public ValueTask DisposeAsync()
    {
        _a.Dispose();
        _b.Dispose();
        _data.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_node_that_is_cut_off_fails_alone_and_without_effect()
    {
        var image = _data.Image;
        _a.CutOff(true);

        await Assert.ThrowsAsync<StorageException>(() => _a.PollAsync(KnownCluster.Nothing, Stop).AsTask());
        await Assert.ThrowsAsync<StorageException>(() => _a.RenewAsync(A, 1, [], Stop).AsTask());
        await Assert.ThrowsAsync<StorageException>(() => _a.ReopenAsync().AsTask());
        await Assert.ThrowsAsync<StorageException>(() => _a.ListServicesAsync(0, 10, Stop).AsTask());
        Assert.Same(image, _data.Image);
        await _b.PollAsync(KnownCluster.Nothing, Stop);

        _a.CutOff(false);
        Assert.True(Commit(_a, A, Rename).IsWhole);
    }

    [Fact]
    public async Task Calls_of_a_cluster_fail_on_demand_before_or_after_their_effect()
    {
        _a.ClusterFaults.Fail(ClusterCall.Poll);
        await Assert.ThrowsAsync<StorageException>(() => _a.PollAsync(KnownCluster.Nothing, Stop).AsTask());
        await _a.RenewAsync(A, 1, [], Stop);
        _a.ClusterFaults.Fail(ClusterCall.None);
        await _a.PollAsync(KnownCluster.Nothing, Stop);

        _a.ClusterFaults.FailNext(ClusterCall.Renew, CommitFault.BeforeEffect);
        await Assert.ThrowsAsync<StorageException>(() => _a.RenewAsync(A, 2, [], Stop).AsTask());
        Assert.Equal(1, await RenewalAsync(_a));
        _a.ClusterFaults.FailNext(ClusterCall.Renew, CommitFault.AfterEffect);
        await Assert.ThrowsAsync<StorageException>(() => _a.RenewAsync(A, 2, [], Stop).AsTask());
        Assert.Equal(2, await RenewalAsync(_a));
    }

    [Fact]
    public async Task Calls_that_are_held_have_no_effect_until_they_are_released_in_any_order()
    {
        _a.ClusterFaults.Hold(ClusterCall.Renew);
        var first = _a.RenewAsync(A, 1, [], Stop).AsTask();
        var second = _a.RenewAsync(A, 2, [], Stop).AsTask();
        Assert.Equal((2, 0L), (_a.ClusterFaults.Held, await RenewalAsync(_b)));

        _a.ClusterFaults.Release(1);
        Assert.Equal([A, B], (await second).Members);
        _a.ClusterFaults.Release(0);

        await Assert.ThrowsAsync<StorageException>(() => first);
        Assert.Equal(2, await RenewalAsync(_b));
    }

    [Fact]
    public void A_late_commit_that_holds_its_rows_stops_other_nodes_until_it_lands_or_its_writer_reopens()
    {
        SendLate(CommitFault.LateWithRows);
        Assert.Throws<StorageException>(() => Commit(_b, B, Rename));
        Assert.True(Commit(_b, B, session => session.InsertService(Sample.Service(2))).IsWhole);

        Assert.True(_data.LandLateCommit(0));
        Assert.True(Commit(_b, B, Rename).IsWhole);

        StoreSession.Of(_a).Reopen();
        SendLate(CommitFault.LateWithRows);
        StoreSession.Of(_a).Reopen();
        Assert.True(Commit(_b, B, Rename).IsWhole);
        Assert.False(_data.LandLateCommit(0));
        Assert.Equal(0, _data.LateCommits);
    }

    [Fact]
    public async Task A_late_commit_of_an_evicted_node_holds_no_rows()
    {
        SendLate(CommitFault.LateWithRows);
        Assert.True(await _b.EvictAsync(A, _data.Image.Cluster.Identity, renewal: 0, Stop));

        Assert.True(Commit(_b, B, Rename).IsWhole);
    }

    [Fact]
    public void A_late_commit_is_a_copy_that_later_commits_do_not_change()
    {
        var writes = Build(_a, A, Rename);
        _a.Faults.FailCommit(CommitFault.Late);
        Assert.Throws<StorageException>(() => StoreSession.Of(_a).Commit(writes));
        writes.Clear();

        Assert.True(_data.LandLateCommit(0));

        Assert.Equal("renamed", _data.Image.Get(_service.Sid).Record.FriendlyName);
    }

    [Fact]
    public async Task A_promotion_loses_commits_and_changes_the_identity_the_timeline_and_the_epochs()
    {
        var claimed = (await _a.ClaimAsync(A, _data.Image.Cluster.Identity, [new Shard(1)], Stop))[0];
        var (before, earlier) = (await _a.PollAsync(KnownCluster.Nothing, Stop), _data.Image);
        Commit(_a, A, Rename);
        var lost = (await _b.ClaimAsync(B, _data.Image.Cluster.Identity, [new Shard(2)], Stop))[0];
        var writes = Build(_a, A, Rename);
        SendLate(CommitFault.Late);
        var timeline = _a.TimelineOf(_service);

        _data.Promote(earlier);

        Assert.Equal(Sample.Service().FriendlyName, (await _b.FindServiceAsync(_service.Sid, Stop))!.FriendlyName);
        Assert.Throws<OtherDataException>(() => StoreSession.Of(_a).Commit(writes));
        Assert.False(_data.LandLateCommit(0));
        Assert.NotEqual(timeline, _a.TimelineOf(_service));
        Assert.Equal(0, await _b.FindTimelineEndAsync(_service, timeline, Stop));
        var poll = await _b.PollAsync(new KnownCluster(before.Identity, before.MembersVersion, before.Epoch, []), Stop);
        Assert.NotEqual(before.Identity, poll.Identity);
        Assert.Equal([A, B], poll.Members!.Value);
        Assert.Equal([claimed], poll.Shards);
        var position = StoreSession.Of(_a).Reopen();
        Assert.Equal((1L, poll.Identity), (position.LastCommit, position.Identity));
        Assert.True((await _b.ClaimAsync(B, _data.Image.Cluster.Identity, [new Shard(2)], Stop))[0].Epoch > lost.Epoch);
    }

    private static async Task<long> RenewalAsync(InMemoryPresenceStore store) =>
        (await store.PollAsync(KnownCluster.Nothing, Stop)).Leases.Single(lease => lease.Node == A).Renewal;

    private void SendLate(CommitFault fault)
    {
        var writes = Build(_a, A, Rename);
        _a.Faults.FailCommit(fault);
        Assert.Throws<StorageException>(() => { _ = _a.CommitAsync(writes).AsTask().GetAwaiter().GetResult(); });
    }

    private void Rename(StoreSession session) =>
        session.UpdateService(session.FindService(_service.Sid)! with { FriendlyName = "renamed" });

    private static CommitResult Commit(InMemoryPresenceStore store, NodeId node, Action<StoreSession> write) =>
        StoreSession.Of(store).Commit(Build(store, node, write));

    private static BatchWrites Build(InMemoryPresenceStore store, NodeId node, Action<StoreSession> write)
    {
        var session = StoreSession.Of(store);
        write(session);
        var writes = session.Build();
        writes.Node = node;
        return writes;
    }
}
