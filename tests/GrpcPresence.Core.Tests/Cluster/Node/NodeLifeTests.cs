using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Node;

/// <summary>What a node says of itself: that it has joined, that it is ready, and how it has ended.</summary>
public sealed class NodeLifeTests : RunningNodesTestBase
{
    private static readonly Shard[] Shards = [.. Enumerable.Range(0, Shard.Count).Select(number => new Shard(number))];

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Advance(seconds: 3);
    }

    [Fact]
    public void Live_a_node_that_starts_while_the_store_is_away_joins_when_it_is_back()
    {
        var b = Nodes.Start("b");
        b.Store.CutOff(true);
        Advance(seconds: 10);
        Assert.Null(b.Node.End);
        Assert.False(b.Node.IsReady);

        b.Store.CutOff(false);
        Advance(seconds: Joining);

        Assert.Null(b.Node.End);
        Assert.True(b.Node.IsReady);
    }

    [Fact]
    public void Live_a_node_that_cannot_join_gets_no_shard_and_delays_no_call()
    {
        var b = Nodes.Start("b");
        Advance(seconds: Joining);
        Nodes.Start("c").Store.CutOff(true);
        Nodes.AfterStep = () => Assert.All(Shards, shard => Assert.Single(Nodes.HoldersOf(shard)));
        Advance(seconds: 5);
        Nodes.AfterStep = null;

        Nodes.Kill(b);
        Advance(seconds: 5);

        Assert.All(Shards, shard => Assert.Equal(First.Id, Assert.Single(Nodes.HoldersOf(shard))));
    }

    [Fact]
    public void Live_a_node_that_leaves_does_not_wait_for_calls_that_come_again_and_again()
    {
        var b = Nodes.Start("b");
        Advance(seconds: Joining);
        b.Node.Leave();
        while (Nodes.Store.Image.Cluster.Shards.Values.Any(held => held.Node == b.Id))
            Advance(seconds: 0.1);
        Nodes.Network.CutPair("a", "b"); // no call gets a result

        for (var call = 0; call < 8; call++)
        {
            _ = b.Node.Router.CallAsync(Shards[call], RequestKind.Write, "0\ncreate\nada"u8.ToArray(), _ => { });
            Advance(seconds: 0.5);
        }

        Assert.Equal(NodeEndReason.Left, b.Node.End?.Reason);
    }

    [Fact]
    public void StoreAway_one_renewal_that_fails_leaves_a_node_confirmed_that_reaches_no_other()
    {
        Nodes.Start("b");
        Advance(seconds: Joining);
        Nodes.Network.CutPair("a", "b");
        Advance(seconds: 1);

        First.Store.ClusterFaults.FailNext(ClusterCall.Renew, CommitFault.BeforeEffect);
        Nodes.AfterStep = () => Assert.True(First.Node.IsConfirmed);
        Advance(seconds: 3);
    }

    [Fact]
    public async Task Final_a_node_stores_the_end_of_a_session_by_the_uptime_of_the_cluster()
    {
        var service = await First.Services.GetAsync(Nodes.Service, default);
        var ada = new UserRef(World.Id("ada"), Sid: null, MayCreate: true);
        Assert.Null(First.Node.Router.Beat(service, ada, World.Session("s"), stream: null).Rejection);
        Nodes.Store.CommitFromOutside(image => image with { Uptime = image.Uptime with { Total = TimeSpan.FromHours(10) } });
        Advance(seconds: 1);

        _ = First.Node.Router.EndSession(service, ada, World.Session("s"), exists: true);
        Advance(seconds: 1);

        var ended = Assert.Single(Nodes.Store.Image.Get(Nodes.Service).EndedSessions.Values);
        Assert.InRange(ended.Until, TimeSpan.FromHours(10), TimeSpan.FromHours(11));
    }

    [Fact]
    public void OneHolder_a_node_that_has_ended_is_not_confirmed()
    {
        Assert.True(First.Node.IsConfirmed);
        Nodes.Membership.Remove(First.Id);
        while (First.Node.End is null)
            Advance(seconds: 0.05);

        Assert.False(First.Node.IsConfirmed);
    }

    [Fact]
    public void Live_the_others_learn_at_once_who_has_claimed_a_shard()
    {
        var (b, c) = (Nodes.Start("b"), Nodes.Start("c"));
        Advance(seconds: 2 * Joining);
        First.Store.ClusterFaults.Hold(ClusterCall.Claim);
        c.Store.ClusterFaults.Hold(ClusterCall.Claim);
        Nodes.Kill(b);
        while (First.Store.ClusterFaults.Held == 0)
            Advance(seconds: 0.05);
        Advance(seconds: 1);
        c.Store.ClusterFaults.Hold(ClusterCall.Claim | ClusterCall.Poll);

        First.Store.ClusterFaults.Clear();
        Advance(seconds: 0.2);

        var claimed = Nodes.Store.Image.Cluster.Shards.Values.Where(held => held.Epoch == Nodes.Store.Image.Cluster.Epoch).ToList();
        Assert.NotEmpty(claimed);
        Assert.All(claimed, held => Assert.Equal((held.Node, held.Epoch), (c.Node.Table[held.Shard].Node, c.Node.Table[held.Shard].Epoch)));
    }

    [Fact]
    public void Live_a_node_that_cannot_reach_the_store_delays_no_take_over()
    {
        var (b, c) = (Nodes.Start("b"), Nodes.Start("c"));
        Advance(seconds: 2 * Joining);
        c.Store.CutOff(true);
        Advance(seconds: 5);

        Nodes.Kill(b);
        Advance(seconds: 8);

        Assert.Null(c.Node.End); // the others confirm it
        Assert.All(Shards, shard => Assert.Single(Nodes.HoldersOf(shard)));
    }

    [Fact]
    public void A_node_that_has_given_its_shards_away_answers_until_the_others_know_who_has_them()
    {
        var b = Nodes.Start("b");
        Advance(seconds: Joining);
        b.Node.Leave();
        while (Shards.Any(shard => Nodes.Store.Image.Cluster.Shards[shard.Number].Node == b.Id))
            Advance(seconds: 0.05);

        Advance(Limits.LeaveDelay.TotalSeconds - 0.1);
        Assert.Null(b.Node.End);
        Assert.Equal(NodeState.Active, Nodes.Store.Image.Cluster.Nodes["b"].State);
        Advance(seconds: 0.5);

        Assert.Equal(NodeEndReason.Left, b.Node.End?.Reason);
    }

    [Fact]
    public async Task A_node_that_leaves_ends_after_20_s_although_its_writer_is_too_slow_to_give_shards_away()
    {
        var b = Nodes.Start("b");
        Advance(seconds: Joining);
        var service = await b.Services.GetAsync(Nodes.Service, default);
        var held = Shards.Where(b.Answers).ToArray();
        b.IsWriterHeld = true;
        _ = b.Node.Router.EndSession(
            service, new UserRef(World.Id("ada"), Sid: null, MayCreate: false), World.Session("s"), exists: true);
        b.Node.Leave();

        Advance(Limits.LeaveTime.TotalSeconds - 0.1);
        Assert.Null(b.Node.End);
        Assert.Equal(held.Length, Shards.Count(shard => Nodes.Store.Image.Cluster.Shards[shard.Number].Node == b.Id));
        Advance(seconds: 0.2);

        Assert.Equal(NodeEndReason.LeaveTimedOut, b.Node.End?.Reason);
        Assert.Equal(NodePhase.Ended, b.Node.ReadStatus().Phase);
        Advance(seconds: Joining);
        Assert.All(Shards, shard => Assert.Equal([First.Id], Nodes.HoldersOf(shard)));
    }

    [Fact]
    public void A_node_that_leaves_drains_the_webhooks_of_all_its_shards_at_once()
    {
        var b = Nodes.Start("b");
        Advance(seconds: Joining);
        b.IsWriterHeld = true; // so that no shard moves meanwhile
        var held = Shards.Count(b.Answers);

        b.Node.Leave();
        Advance(seconds: 0.4);

        Assert.Equal(held, b.Node.ReadStatus().HandOverCount);
    }

    [Fact]
    public void A_node_that_was_asked_to_leave_before_it_could_join_ends_after_20_s()
    {
        var b = Nodes.Start("b");
        b.Store.CutOff(true);
        b.Node.Leave();

        Advance(Limits.LeaveTime.TotalSeconds + 0.2);

        Assert.Equal(NodeEndReason.LeaveTimedOut, b.Node.End?.Reason);
    }

    [Fact]
    public void Durable_a_node_that_leaves_gives_no_shard_to_nodes_that_cannot_reach_the_store()
    {
        var b = Nodes.Start("b");
        Advance(seconds: Joining);
        var held = Shards.Where(b.Answers).ToArray();
        b.Store.CutOff(true);
        Advance(seconds: 5);

        First.Node.Leave();
        Advance(seconds: 1);

        Assert.Equal(NodeEndReason.Left, First.Node.End?.Reason);
        var shards = Nodes.Store.Image.Cluster.Shards.Values;
        Assert.Equal(held.Length, shards.Count(shard => shard.Node == b.Id));
        Assert.Equal(Shards.Length - held.Length, shards.Count(shard => shard.Node is null));
    }

    [Fact]
    public async Task A_node_that_leaves_alone_waits_for_no_call_of_its_shards()
    {
        var service = await First.Services.GetAsync(Nodes.Service, default);
        First.Node.Leave();
        for (var beat = 0; beat < 10; beat++)
        {
            Advance(seconds: 0.05);
            _ = First.Node.Router.Beat(service, new UserRef(World.Id("ada"), Sid: null, MayCreate: true), World.Session("s"), stream: null);
        }
        Advance(seconds: 0.2);

        Assert.Equal(NodeEndReason.Left, First.Node.End?.Reason);
    }

    [Fact]
    public void Live_a_node_that_was_removed_before_a_view_showed_it_does_not_join()
    {
        var b = Nodes.Start("b");
        Nodes.Membership.Remove(b.Id);

        Advance(seconds: Joining);

        Assert.False(b.HasJoined);
        Assert.Equal([First.Id], Nodes.Store.Image.Cluster.Members);
        Assert.All(Shards, shard => Assert.Equal(First.Id, Assert.Single(Nodes.HoldersOf(shard))));
    }

    [Fact]
    public void SharedQuota_a_node_that_cannot_join_does_not_keep_others_from_lending()
    {
        Nodes.Start("c").Store.CutOff(true);
        Advance(seconds: 1);
        var b = Nodes.Start("b");
        Advance(seconds: Joining);
        var key = QuotaKey.Of(Nodes.Store.Image.Get(Nodes.Service).Record.Id);
        var borrower = b.Answers(key.Home) ? First : b;

        var counters = borrower.Limiter.OfServiceInstance((long)key.Number);
        for (var second = 0; second < 4; second++)
        {
            borrower.Limiter.TryChargeWrite(counters, caller: null, out _);
            Advance(seconds: 1);
        }

        Assert.True(borrower.Node.Quotas.ShareOf(key).WritesPerSecond > 1);
    }

    [Fact]
    public void A_node_says_once_that_it_has_joined_and_its_writer_can_open_the_store_from_then_on()
    {
        List<bool> opened = [];
        var b = Nodes.Start("b");
        b.Node.Joined += () => opened.Add(b.Store.ReopenAsync().AsTask().IsCompletedSuccessfully);

        Advance(seconds: Joining);

        Assert.Equal([true], opened);
    }

    [Fact]
    public void A_node_is_ready_from_when_it_has_opened_its_shards_and_stays_ready_while_others_come_and_go()
    {
        Assert.True(First.Node.IsReady);
        Nodes.AfterStep = () => Assert.True(First.Node.IsReady);

        var b = Nodes.Start("b");
        Assert.False(b.Node.IsReady);
        Advance(seconds: Joining);
        Assert.True(b.Node.IsReady);
        Nodes.Kill(b);
        Advance(seconds: 5);
    }

    [Fact]
    public void A_claim_takes_what_it_was_made_for_also_if_another_node_joins_meanwhile()
    {
        var b = Nodes.Start("b");
        Advance(seconds: Joining);
        First.Store.ClusterFaults.Hold(ClusterCall.Claim);
        Nodes.Kill(b);
        Advance(seconds: 5);
        Assert.Equal(1, First.Store.ClusterFaults.Held);
        Nodes.Start("c").Store.ClusterFaults.Hold(ClusterCall.Claim);
        Advance(seconds: 1);

        First.Store.ClusterFaults.Release(0);

        Assert.All(Nodes.Store.Image.Cluster.Shards.Values, held => Assert.NotNull(held.Node));
    }

    [Fact]
    public void A_node_that_leaves_or_has_ended_is_not_ready()
    {
        var b = Nodes.Start("b");
        Advance(seconds: Joining);

        b.Node.Leave();
        Assert.False(b.Node.IsReady);
        Advance(seconds: 8);
        Nodes.Membership.Remove(First.Id);
        Advance(seconds: 0.1);

        Assert.Equal(NodeEndReason.Left, b.Node.End?.Reason);
        Assert.Equal(NodeEndReason.NotInView, First.Node.End?.Reason);
        Assert.False(b.Node.IsReady);
        Assert.False(First.Node.IsReady);
    }

    [Fact]
    public void A_node_has_left_also_if_it_never_hears_the_answer_of_the_store()
    {
        var b = Nodes.Start("b");
        Advance(seconds: Joining);
        b.Store.ClusterFaults.FailNext(ClusterCall.Leave, CommitFault.AfterEffect);

        b.Node.Leave();
        Advance(seconds: 8);

        Assert.Equal(NodeState.Left, Nodes.Store.Image.Cluster.Nodes["b"].State);
        Assert.Equal(NodeEndReason.Left, b.Node.End?.Reason);
    }

    [Fact]
    public async Task A_run_of_whose_name_a_later_one_has_joined_does_not_join()
    {
        await Nodes.Store.OpenNode().JoinAsync(new NodeId("b", 99), default);
        var b = Nodes.Start("b");

        Advance(seconds: 1);

        Assert.Equal(NodeEndReason.JoinRefused, b.Node.End?.Reason);
    }

    [Fact]
    public void A_run_that_a_later_run_of_its_name_has_replaced_before_it_joined_ends()
    {
        var (earlier, later) = (Nodes.Start("b"), Nodes.Start("b"));
        earlier.IsPaused = true;
        Advance(seconds: Joining);
        Assert.True(later.Node.IsReady);

        earlier.IsPaused = false;
        Advance(seconds: 1);

        Assert.Equal(NodeEndReason.NotInView, earlier.Node.End?.Reason);
    }

    [Fact]
    public void A_node_that_the_store_has_evicted_says_so()
    {
        var b = Nodes.Start("b");
        Advance(seconds: Joining);

        Nodes.Store.CommitFromOutside(image => image with
        {
            Cluster = image.Cluster.End(image.Cluster.FindActive(b.Id)!, NodeState.Dead),
        });
        Advance(seconds: 1);

        Assert.Equal(NodeEndReason.NotActive, b.Node.End?.Reason);
    }

    [Fact]
    public void Live_a_node_of_which_a_part_has_failed_ends_at_once_with_the_calls_that_wait()
    {
        var b = Nodes.Start("b");
        Advance(seconds: Joining);
        Nodes.Network.CutPair("a", "b"); // no call gets a result
        var call = b.Node.Router.CallAsync(Shards.First(First.Answers), RequestKind.Write, "0\ncreate\nada"u8.ToArray(), _ => { });
        Advance(seconds: 0.1);

        b.Node.Fail("The writer has failed.");
        Advance(seconds: 0.1);

        Assert.Equal(new NodeEnd(NodeEndReason.Faulted, "The writer has failed."), b.Node.End);
        Assert.True(call.IsFaulted);
        Assert.False(b.Node.IsConfirmed);
        Advance(seconds: 5);
        Assert.All(Shards, shard => Assert.Equal([First.Id], Nodes.HoldersOf(shard)));
    }

    [Fact]
    public void A_node_that_fails_while_it_leaves_ends_at_once()
    {
        var b = Nodes.Start("b");
        Advance(seconds: Joining);
        b.IsWriterHeld = true;
        b.Node.Leave();
        Advance(seconds: 0.1);

        b.Node.Fail("The writer has failed.");
        Advance(seconds: 0.1);

        Assert.Equal(NodeEndReason.Faulted, b.Node.End?.Reason);
    }

    [Fact]
    public void A_node_that_nobody_confirms_says_so()
    {
        var b = Nodes.Start("b");
        Advance(seconds: Joining);

        b.Store.CutOff(true);
        Nodes.Network.CutPair("a", "b");
        Advance(Limits.ConfirmationLoss.TotalSeconds);

        Assert.Equal(NodeEndReason.Unconfirmed, b.Node.End?.Reason);
        Assert.Null(First.Node.End);
    }
}
