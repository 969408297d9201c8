using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;

namespace GrpcPresence.Core.Tests.Writing.Cluster;

/// <summary>The writer of the home owner purges a service instance, and no other.</summary>
public sealed class PurgeTests : IAsyncLifetime
{
    private readonly InMemoryPresenceStore _data = new();
    private ClusterNode _node = null!;
    private ClusterNode _other = null!;
    private CachedService _service = null!;

    private Shard Home => Shard.Of(_service.Sid);

    private int Tombstones => _data.Image.Get(_service.Sid).Tombstones.Count;

    public async ValueTask InitializeAsync()
    {
        _node = await ClusterNode.JoinAsync(_data, "a");
        _other = await ClusterNode.JoinAsync(_data, "b");
        await _node.ClaimAsync();
        _service = await _node.NewServiceAsync();
        await _node.World.Create(_service, "ada");
        await _node.World.Delete(_service, "ada");
    }

    public ValueTask DisposeAsync()
    {
        _node.Dispose();
        _other.Dispose();
        _data.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void Purge_The_writer_of_the_home_owner_purges_old_tombstones()
    {
        Pass(_other);
        Assert.Equal(1, Tombstones);

        Pass(_node);
        Assert.Equal(0, Tombstones);
    }

    [Fact]
    public async Task Purge_The_next_home_owner_goes_on_after_a_move()
    {
        var epoch = _node.Seal(Home);
        var moved = await _node.World.Do(new SwitchShards(_node.World.Queue, [new ShardSwitch(Home, epoch, _other.Id)]));
        _other.Gates.Set(Home, new ShardGate(ShardGateState.Open, moved.Epoch));

        Pass(_node);
        Assert.Equal(1, Tombstones);

        Pass(_other);
        Assert.Equal(0, Tombstones);
    }

    [Fact]
    public async Task Purge_The_home_owner_removes_a_deleted_service_instance_at_once()
    {
        await _node.World.Do(new DeleteServiceInstance(_service.Sid));

        while (_node.World.Writer.WriteOnce() == WriteOutcome.Written)
        {
        }
        Assert.Empty(_data.Image.Services);
    }

    private static void Pass(ClusterNode node)
    {
        node.World.Time.Advance(Limits.TombstoneRetention + TimeSpan.FromMinutes(2));
        node.World.Writer.WriteOnce(); // purges, because no command waits
    }
}
