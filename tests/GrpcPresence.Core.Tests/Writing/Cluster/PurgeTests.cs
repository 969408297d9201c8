using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Writing.Cluster;

/// <summary>The writer of the home owner purges a service instance, and no other.</summary>
public sealed class PurgeTests : NodeWriterTestBase
{
    private ClusterNode _other = null!;

    private Shard Home => Shard.Of(Service.Sid);

    private int Tombstones => Data.Image.Get(Service.Sid).Tombstones.Count;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _other = await ClusterNode.JoinAsync(Data, "b");
        await World.Create(Service, "ada");
        await World.Delete(Service, "ada");
    }

    public override ValueTask DisposeAsync()
    {
        _other.Dispose();
        return base.DisposeAsync();
    }

    [Fact]
    public void Purge_The_writer_of_the_home_owner_purges_old_tombstones()
    {
        Pass(_other);
        Assert.Equal(1, Tombstones);

        Pass(Node);
        Assert.Equal(0, Tombstones);
    }

    [Fact]
    public async Task Purge_The_next_home_owner_goes_on_after_a_move()
    {
        var epoch = Node.Seal(Home);
        var moved = await World.Do(new SwitchShards(World.Queue, [new ShardSwitch(Home, epoch, _other.Id)]));
        _other.Gates.Set(Home, new ShardGate(ShardGateState.Open, moved.Epoch));

        Pass(Node);
        Assert.Equal(1, Tombstones);

        Pass(_other);
        Assert.Equal(0, Tombstones);
    }

    [Fact]
    public async Task Purge_The_home_owner_removes_a_deleted_service_instance_at_once()
    {
        await World.Do(new DeleteServiceInstance(Service.Sid));

        while (World.Writer.WriteOnce() == WriteOutcome.Written)
        {
        }
        Assert.Empty(Data.Image.Services);
    }

    private static void Pass(ClusterNode node)
    {
        node.World.Time.Advance(Limits.TombstoneRetention + TimeSpan.FromMinutes(2));
        node.World.Writer.WriteOnce(); // purges, because no command waits
    }
}
