using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Tests.Cluster.Routing;

/// <summary>Tests how an owner runs the calls of other nodes.</summary>
public sealed class OwnedCallsTests
{
    private static readonly NodeId Ingress = new("a", 1);

    [Fact]
    public void SharedQuota_The_owner_of_a_call_learns_that_its_ingress_has_charged_it()
    {
        using var world = new World();
        using var queue = new CommandQueue();
        var executor = new Executor();
        List<LinkItem> sent = [];
        var gates = new ShardGates();
        var tracker = new PresenceTracker(world.Time, queue, world.Metrics, gates);
        var calls = new OwnedCalls(
            tracker, tracker.Streams!, world.Services, executor, new ShardTable(), () => true, (_, item) => sent.Add(item), () => { });

        calls.Receive(Ingress, new RequestItem(Call: 1, new Shard(7), new byte[] { 1 }, RequestKind.Write));

        Assert.Equal([(new Shard(7), true)], executor.Calls);
        Assert.IsType<CallResult.Done>(Assert.IsType<ResultItem>(Assert.Single(sent)).Result);
    }

    private sealed class Executor : ICallExecutor
    {
        public List<(Shard Shard, bool IsCharged)> Calls { get; } = [];

        public Task<ReadOnlyMemory<byte>> ExecuteAsync(Shard shard, ReadOnlyMemory<byte> request, bool isCharged)
        {
            Calls.Add((shard, isCharged));
            return Task.FromResult(request);
        }
    }
}
