using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing;
using GrpcPresence.Testing;

namespace GrpcPresence.Core.Tests.Writing.Cluster;

/// <summary>How a node gives a shard to another one: in a commit of its own, once nothing of the shard is left to write.</summary>
public sealed class SwitchTests : NodeWriterTestBase
{
    private ClusterNode _receiver = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _receiver = await ClusterNode.JoinAsync(Data, "b");
    }

    public override ValueTask DisposeAsync()
    {
        _receiver.Dispose();
        return base.DisposeAsync();
    }

    [Fact]
    public async Task A_switch_gives_a_sealed_shard_to_the_receiver_and_closes_its_gate()
    {
        var epoch = Node.Seal(Ada);

        var outcome = await World.Do(Switch());

        Assert.Equal(SwitchState.Switched, outcome.State);
        Assert.True(outcome.Epoch > epoch);
        Assert.Equal((_receiver.Id, outcome.Epoch), (Holder.Node, Holder.Epoch));
        Assert.Equal(ShardGateState.Closed, Node.Gates[Ada].State);
        _receiver.Gates.Set(Ada, new ShardGate(ShardGateState.Open, outcome.Epoch));
        await _receiver.World.Create(await _receiver.World.Services.GetAsync(Service.Sid, default), "ada");
    }

    [Fact]
    public async Task A_switch_is_alone_in_its_commit_and_leaves_the_commands_of_callers_to_the_receiver()
    {
        var before = World.Queue.SubmitAsync(NewUser("ada"));
        Node.Seal(Ada);
        var switched = World.Queue.SubmitAsync(Switch());
        var after = World.Queue.SubmitAsync(NewUser("ada"));
        var other = World.Queue.SubmitAsync(NewUser("bob"));
        var commits = LastCommit;

        World.Write();

        await Assert.ThrowsAsync<ShardMovedException>(() => before);
        Assert.Equal(SwitchState.Switched, (await switched).State);
        await Assert.ThrowsAsync<ShardMovedException>(() => after);
        await other;
        Assert.Equal(commits + 2, LastCommit);
    }

    [Fact]
    public async Task A_sealed_shard_takes_no_command_of_a_caller_so_that_a_hand_over_misses_none()
    {
        await World.Online(Service, "ada");
        Node.Seal(Ada);

        await Assert.ThrowsAsync<ShardMovedException>(() => World.Delete(Service, "ada"));

        Assert.True((await World.Get(Service, "ada"))!.IsOnline);
    }

    [Theory]
    [InlineData("a transition in the background")]
    [InlineData("a transition whose commit failed")]
    [InlineData("a transition whose commit is in doubt")]
    [InlineData("an ended session")]
    public async Task A_switch_is_rejected_while_a_command_of_the_shard_is_not_settled(string what)
    {
        await World.Online(Service, "ada");
        switch (what)
        {
            case "a transition in the background":
                for (var passed = TimeSpan.Zero; passed < Service.Configuration.SessionTimeout * 2; passed += Limits.Tick)
                {
                    World.Time.Advance(Limits.Tick);
                    World.Tracker.Tick();
                }
                break;
            case "an ended session":
                await World.Online(Service, "ada", "s2");
                _ = World.Tracker.EndSession(Service, Ref, World.Session("s2"));
                break;
            default:
                var isInDoubt = what == "a transition whose commit is in doubt";
                Node.Store.Faults.FailCommit(isInDoubt ? CommitFault.Late : CommitFault.BeforeEffect);
                if (isInDoubt)
                    Node.Store.Faults.FailOperation(3);
                var offline = World.Tracker.EndSession(Service, Ref, World.Session("s1"));
                Assert.Equal(WriteOutcome.Failed, World.Writer.WriteOnce());
                await Assert.ThrowsAsync<StorageException>(() => offline);
                if (isInDoubt)
                    Assert.True(Data.LandLateCommit(0));
                break;
        }
        Assert.True(World.Queue.Count > 0);
        Node.Seal(Ada);
        // In front of everything else, as if it had been queued before.
        var waiting = new List<Command>();
        World.Queue.TakeBatch(waiting, int.MaxValue, int.MaxValue);
        var switched = World.Queue.SubmitAsync(Switch());
        foreach (var command in waiting)
            World.Queue.Requeue(command);

        World.Writer.WriteOnce();
        Assert.Equal(SwitchState.NotSettled, (await switched).State);
        Assert.Equal(Node.Id, Holder.Node);
        World.Write();
        Assert.Equal(SwitchState.Switched, (await World.Do(Switch())).State);
        Assert.Equal(what == "an ended session", (await World.Get(Service, "ada"))!.IsOnline);
    }

    [Fact]
    public async Task A_switch_whose_commit_was_in_doubt_and_happened_closes_the_gate_and_says_so()
    {
        Node.Seal(Ada);
        SwitchOutcome? committed = null;
        var command = Switch();
        command.Committed = outcome => committed = outcome;
        Node.Store.Faults.FailCommit(CommitFault.Late);
        Node.Store.Faults.FailOperation(2); // the commit; then the reopening
        var switched = World.Do(command);
        await Assert.ThrowsAsync<StorageException>(() => switched);
        Assert.Equal(ShardGateState.Sealed, Node.Gates[Ada].State);

        Assert.True(Data.LandLateCommit(0));
        await World.Create(Service, "bob");

        Assert.Equal(SwitchState.Switched, committed!.Value.State);
        Assert.Equal(Holder.Epoch, committed.Value.Epoch);
        Assert.Equal(ShardGateState.Closed, Node.Gates[Ada].State);
    }

    [Fact]
    public async Task A_switch_to_a_node_that_has_left_changes_nothing()
    {
        Assert.True(await _receiver.Store.LeaveAsync(_receiver.Id, Data.Image.Cluster.Identity, default));
        Node.Seal(Ada);

        Assert.Equal(new SwitchOutcome(SwitchState.ReceiverGone, 0), await World.Do(Switch()));

        Assert.Equal(ShardGateState.Sealed, Node.Gates[Ada].State);
    }

    [Fact]
    public async Task A_switch_of_a_shard_that_the_node_has_lost_fails()
    {
        Node.Seal(Ada);
        var command = Switch();
        Data.CommitFromOutside(image => image with { Cluster = image.Cluster.Give([(Ada, null)]) });

        Assert.Equal(Ada, (await Assert.ThrowsAsync<ShardMovedException>(() => World.Do(command))).Shard);

        Assert.Null(Holder.Node);
        Assert.Equal(ShardGateState.Closed, Node.Gates[Ada].State);
    }

    [Theory]
    [InlineData("open")]
    [InlineData("closed")]
    [InlineData("sealed under a later epoch")]
    public async Task OneHolder_a_switch_of_a_shard_that_is_not_sealed_under_its_epoch_changes_nothing(string gate)
    {
        var epoch = Node.Seal(Ada);
        var switched = World.Queue.SubmitAsync(Switch());
        Node.Gates.Set(Ada, gate switch
        {
            "open" => new ShardGate(ShardGateState.Open, epoch),
            "closed" => default,
            _ => new ShardGate(ShardGateState.Sealed, epoch + 1),
        });
        var commits = LastCommit;

        World.Write();

        Assert.Equal(Ada, (await Assert.ThrowsAsync<ShardMovedException>(() => switched)).Shard);
        Assert.Equal((Node.Id, epoch, commits), (Holder.Node, Holder.Epoch, LastCommit));
    }

    private ShardHolder Holder => Data.Image.Cluster.Shards[Ada.Number];

    private static UserRef Ref => new(World.Id("ada"), Sid: null, MayCreate: false);

    private SwitchShards Switch() => new(World.Queue, [new ShardSwitch(Ada, Node.Gates[Ada].Epoch, _receiver.Id)]);
}
