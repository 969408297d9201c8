using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Cluster.Ownership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Node;

/// <summary>The status of a node says what it waits for.</summary>
public sealed class NodeStatusTests : RunningNodesTestBase
{
    [Fact]
    public void A_node_that_has_opened_its_shards_waits_for_nothing()
    {
        Advance(seconds: 3);

        var status = First.Node.ReadStatus();

        Assert.Equal((NodePhase.Joined, true), (status.Phase, status.IsReady));
        Assert.Null(status.JoinWait);
        Assert.Equal((Shard.Count, Shard.Count), (status.Shards.Targets, status.Shards.Open));
        Assert.Empty(status.Shards.Waits);
        Assert.Empty(status.Shards.Longest);
        Assert.Empty(status.HandOvers);
        Assert.Empty(status.Evictions);
        Assert.Equal([First.Id], status.View);
        Assert.Equal([First.Id], status.Members);
        Assert.Equal(ConfirmationState.Confirmed, status.Confirmation.State);
        Assert.InRange(status.Confirmation.ConfirmedFor!.Value, At(0), Limits.Confirmation);
        Assert.InRange(status.Confirmation.RenewedBefore!.Value, At(0), 2 * Limits.ConfirmationRenewal);
        Assert.Equal((1, true), (status.Confirmation.TimesConfirmed, status.Data.IsAgreed));
        Assert.Equal(First.Node.Data, status.Data.Identity);
        Assert.InRange(status.Data.KnownFor, At(1), At(3));
    }

    [Fact]
    public void A_node_that_waits_to_join_says_for_what()
    {
        Assert.Equal((NodePhase.Joining, JoinWait.View), (First.Node.ReadStatus().Phase, First.Node.ReadStatus().JoinWait));
        First.Store.CutOff(true);
        Advance(seconds: 3);

        var status = First.Node.ReadStatus();
        Assert.Equal((NodePhase.Joining, JoinWait.Store), (status.Phase, status.JoinWait));
        var join = Assert.Single(status.StoreCalls);
        Assert.Equal((StoreCallKind.Join, null, "StorageException"), (join.Kind, join.WaitingFor, join.Error));
        Assert.InRange(join.FailuresInRow, 5, 12);

        First.Store.CutOff(false);
        Advance(seconds: 3);
        First.IsPaused = true; // the view shows it, so nobody evicts it
        var later = Nodes.Start("a");
        Advance(seconds: 1);

        Assert.Equal((NodePhase.Joining, JoinWait.EarlierRun), (later.Node.ReadStatus().Phase, later.Node.ReadStatus().JoinWait));
    }

    [Fact]
    public void Shards_that_must_be_claimed_wait_for_the_claim()
    {
        First.Store.ClusterFaults.Hold(ClusterCall.Claim);
        Advance(seconds: 2);

        var status = First.Node.ReadStatus();

        Assert.Equal((0, Shard.Count), (status.Shards.Open, status.Shards.Targets));
        var count = Assert.Single(status.Shards.Waits);
        Assert.Equal((ShardWaitReason.Claim, null, Shard.Count), (count.Reason, count.Node, count.Count));
        Assert.InRange(count.Longest, At(1), At(2));
        Assert.Equal(Limits.StatusEntries, status.Shards.Longest.Length);
        var claim = Assert.Single(status.StoreCalls);
        Assert.Equal(StoreCallKind.Claim, claim.Kind);
        Assert.InRange(claim.WaitingFor!.Value, At(1), At(2));
        First.Store.ClusterFaults.Clear();
    }

    [Fact]
    public void Shards_that_are_loaded_wait_for_the_store_and_the_others_for_their_turn()
    {
        First.Store.ClusterFaults.Hold(ClusterCall.List);
        Advance(seconds: 4);

        var status = First.Node.ReadStatus();
        Assert.Equal(
            [(ShardWaitReason.LoadQueue, Shard.Count - Limits.LoadsAtOnce), (ShardWaitReason.Loading, Limits.LoadsAtOnce)],
            status.Shards.Waits.Select(wait => (wait.Reason, wait.Count)));
        var load = Assert.Single(status.StoreCalls);
        Assert.Equal((StoreCallKind.Load, 0, null), (load.Kind, load.FailuresInRow, load.Error));
        Assert.InRange(load.WaitingFor!.Value, At(1), At(4));

        First.Store.ClusterFaults.Clear();
        First.Store.ClusterFaults.Fail(ClusterCall.List);
        Advance(seconds: 3);

        load = First.Node.ReadStatus().StoreCalls.Single(call => call.Kind == StoreCallKind.Load);
        Assert.InRange(load.FailuresInRow, 2, 40);
        Assert.Equal("StorageException", load.Error);
    }

    [Fact]
    public void Shards_of_a_node_that_died_wait_for_its_eviction()
    {
        var (b, c) = (Nodes.Start("b"), Nodes.Start("c"));
        Advance(seconds: 2 * Joining);
        First.Store.ClusterFaults.Hold(ClusterCall.Evict);
        b.Store.ClusterFaults.Hold(ClusterCall.Evict);
        Nodes.Kill(c);
        Advance(seconds: 6);

        var status = First.Node.ReadStatus();

        var count = Assert.Single(status.Shards.Waits);
        Assert.Equal((ShardWaitReason.Eviction, c.Id), (count.Reason, count.Node));
        Assert.Equal(status.Shards.Targets, status.Shards.Open + count.Count);
        var eviction = Assert.Single(status.Evictions);
        Assert.Equal((c.Id, true, 0), (eviction.Node, eviction.IsAsked, eviction.VotesNeeded));
        Assert.Empty(eviction.MissingVotes);
        Assert.InRange(eviction.LeaseAge, At(2), At(6.5));
        Assert.Contains(status.StoreCalls, call => call.Kind == StoreCallKind.Eviction && call.WaitingFor > At(1));
        Assert.Equal([First.Id, b.Id], status.View);
        Assert.Equal([First.Id, b.Id, c.Id], status.Members);
    }

    [Fact]
    public void An_eviction_names_the_votes_that_it_lacks_and_why()
    {
        var (b, c) = (Nodes.Start("b"), Nodes.Start("c"));
        Advance(seconds: 2 * Joining);
        Nodes.Kill(c);
        Nodes.Kill(b);
        Advance(seconds: 6);

        var status = First.Node.ReadStatus();

        Assert.Equal([b.Id, c.Id], status.Evictions.Select(eviction => eviction.Node));
        Assert.All(status.Evictions, eviction => Assert.Equal(1, eviction.VotesNeeded));
        Assert.Equal([new MissingVote(c.Id, VoteObstacle.NotInView)], status.Evictions[0].MissingVotes);
        Assert.InRange(status.Evictions[0].NeedsNoVotesAfter, At(110), At(121));
    }

    [Fact]
    public void Shards_that_move_wait_for_the_release_of_their_holder()
    {
        Advance(seconds: 3);
        Nodes.Network.Conditions = Nodes.Network.Conditions with { Delay = At(0.1) }; // so that a hand-over lasts longer than a step
        var b = Nodes.Start("b");
        List<ClusterNodeStatus> joining = [];
        List<ClusterNodeStatus> giving = [];
        Nodes.AfterStep = () =>
        {
            joining.Add(b.Node.ReadStatus());
            giving.Add(First.Node.ReadStatus());
        };
        Advance(seconds: 4);

        var waits = joining.SelectMany(status => status.Shards.Waits).ToArray();
        Assert.Contains(waits, wait => wait.Reason == ShardWaitReason.Release && wait.Node == First.Id && wait.Count > 400);
        Assert.Contains(waits, wait => wait.Reason == ShardWaitReason.HandOver && wait.Node == First.Id);
        var incoming = joining.SelectMany(status => status.HandOvers).ToArray();
        Assert.Contains(incoming, move => move is { IsOutgoing: false, Stage: HandOverStage.Received } && move.Peer == First.Id);
        var outgoing = giving.SelectMany(status => status.HandOvers).ToArray();
        Assert.Contains(outgoing, move => move is { IsOutgoing: true, Stage: HandOverStage.Sending } && move.Peer == b.Id);
        Assert.Contains(giving, status => status.Shards.Waits.Any(
            wait => wait.Reason == ShardWaitReason.GivenAway && wait.Node == b.Id && wait.Count == status.HandOverCount));
    }

    [Fact]
    public void A_hand_over_that_is_stuck_says_since_when()
    {
        Advance(seconds: 3);
        Nodes.Network.Conditions = Nodes.Network.Conditions with { Delay = At(0.1) };
        var b = Nodes.Start("b");
        for (var step = 0; step < 200 && First.Node.ReadStatus().HandOvers.All(move => move.Stage != HandOverStage.Sending); step++)
            Advance(seconds: 0.05);
        First.Store.CutOff(true); // the switches that are submitted wait
        Advance(seconds: 3);

        var status = First.Node.ReadStatus();

        var longest = status.HandOvers[0];
        Assert.Equal((true, b.Id, HandOverStage.Switching), (longest.IsOutgoing, longest.Peer, longest.Stage));
        Assert.InRange(longest.For, At(2.5), At(3.5));
        First.Store.CutOff(false);
        Advance(seconds: 1);
        Assert.All(First.Node.ReadStatus().HandOvers, move => Assert.InRange(move.For, At(0), At(1)));
    }

    [Fact]
    public void A_node_that_is_not_confirmed_names_the_peers_that_do_not_answer()
    {
        var (b, c) = (Nodes.Start("b"), Nodes.Start("c"));
        Advance(seconds: 2 * Joining);
        b.Store.CutOff(true);
        Nodes.Network.CutPair("a", "b");
        Advance(seconds: 2);
        var confirmed = b.Node.ReadStatus().Confirmation;
        Assert.Equal(ConfirmationState.Confirmed, confirmed.State);
        Assert.Equal([First.Id], confirmed.SilentPeers);
        Assert.InRange(confirmed.RenewedBefore!.Value, At(1.5), At(2.5));
        Assert.InRange(confirmed.PeersConfirmFor!.Value, At(115), Limits.PeerConfirmation);

        Nodes.Network.CutPair("b", "c");
        Advance(seconds: 2);

        var status = b.Node.ReadStatus();
        Assert.Equal(ConfirmationState.Unconfirmed, status.Confirmation.State);
        Assert.Equal([First.Id, c.Id], status.Confirmation.SilentPeers);
        Assert.Null(status.Confirmation.ConfirmedFor);
        Assert.InRange(status.Confirmation.EndsAfter!.Value, At(0), At(2));
        var unconfirmed = Assert.Single(status.Shards.Waits);
        Assert.Equal((ShardWaitReason.Unconfirmed, status.Shards.Open), (unconfirmed.Reason, unconfirmed.Count));
        Assert.Contains(status.StoreCalls, call => call is { Kind: StoreCallKind.Renewal, FailuresInRow: > 4 });
        Assert.Equal([First.Id, c.Id], status.Peers.Where(peer => peer.ReceivedBefore > At(1.5)).Select(peer => peer.Node));
    }

    [Fact]
    public void A_link_shows_what_the_peer_has_not_acknowledged_and_when_it_was_heard_last()
    {
        var b = Nodes.Start("b");
        Advance(seconds: Joining);
        var quiet = Assert.Single(First.Node.ReadStatus().Peers);
        Assert.Equal((b.Id, true, 0, null), (quiet.Node, quiet.IsInView, quiet.QueuedItems, quiet.UnacknowledgedFor));
        Assert.InRange(quiet.ReceivedBefore!.Value, At(0), At(0.5));

        Nodes.Network.Cut("b", "a"); // in this direction only
        First.Node.CloseStream(new(new(First.Id, 1), EndSessionsOnClose: true), byClient: true);
        Advance(seconds: 1);

        var peer = Assert.Single(First.Node.ReadStatus().Peers);
        Assert.Equal((1, 0), (peer.SentItems, peer.QueuedItems));
        Assert.InRange(peer.UnacknowledgedFor!.Value, At(0.7), At(1));
        Assert.InRange(peer.ReceivedBefore!.Value, At(0.7), At(1.5));
    }

    [Fact]
    public void A_peer_that_leaves_or_cannot_reach_the_store_is_shown_as_excluded()
    {
        var (b, c) = (Nodes.Start("b"), Nodes.Start("c"));
        Advance(seconds: 2 * Joining);
        Assert.All(First.Node.ReadStatus().Peers, peer => Assert.Equal((false, false), (peer.IsLeaving, peer.IsStoreAway)));

        b.Store.ClusterFaults.Hold(ClusterCall.Leave);
        b.Node.Leave();
        c.Store.CutOff(true);
        Advance(seconds: 5);

        Assert.Equal(
            [(b.Id, true, false), (c.Id, false, true)],
            First.Node.ReadStatus().Peers.Select(peer => (peer.Node, peer.IsLeaving, peer.IsStoreAway)));
        Assert.Equal((false, true), (First.Node.ReadStatus().IsStoreAway, c.Node.ReadStatus().IsStoreAway));
    }

    [Fact]
    public async Task Calls_without_a_result_are_counted_by_what_they_wait_for()
    {
        var b = Nodes.Start("b");
        Advance(seconds: 2 * Joining);
        var service = await First.Services.GetAsync(Nodes.Service, default);
        Assert.Empty(First.Node.ReadStatus().Calls);
        var users = Enumerable.Range(0, 20).Select(number => World.Id($"user{number}")).ToArray();
        var own = users.Count(user => First.Answers(Shard.Of(Nodes.Service, user)));
        (First.IsWriterHeld, b.IsPaused) = (true, true);

        foreach (var user in users)
            _ = First.Node.Router.Beat(service, new UserRef(user, Sid: null, MayCreate: true), World.Session("s"), stream: null);
        Advance(seconds: 0.5);

        var calls = First.Node.ReadStatus().Calls.OrderBy(wait => wait.Reason).ToArray();
        Assert.InRange(own, 1, users.Length - 1);
        Assert.Equal(
            [(CallWaitReason.Answer, b.Id, users.Length - own), (CallWaitReason.Commit, default(NodeId?), own)],
            calls.Select(wait => (wait.Reason, wait.Node, wait.Count)));
        Assert.All(calls, wait => Assert.InRange(wait.Longest, At(0.25), At(0.5)));
    }

    [Fact]
    public async Task Calls_for_shards_that_nobody_holds_wait_for_an_owner()
    {
        First.Store.ClusterFaults.Hold(ClusterCall.Claim);
        Advance(seconds: 2);
        var service = await First.Services.GetAsync(Nodes.Service, default);

        _ = First.Node.Router.Beat(service, new UserRef(World.Id("ada"), Sid: null, MayCreate: true), World.Session("s"), stream: null);
        Advance(seconds: 0.3);
        _ = First.Node.Router.Beat(service, new UserRef(World.Id("bob"), Sid: null, MayCreate: true), World.Session("s"), stream: null);
        Advance(seconds: 0.15);

        var wait = Assert.Single(First.Node.ReadStatus().Calls);
        Assert.Equal((CallWaitReason.Owner, null), (wait.Reason, wait.Node));
        Assert.InRange(wait.Count, 1, 2); // the status may be older than the second
        Assert.InRange(wait.Longest, At(0.15), At(0.45));
        First.Store.ClusterFaults.Clear();
    }

    [Fact]
    public void Shards_that_come_back_after_lost_commits_wait_for_the_nodes_that_do_not_know_the_data()
    {
        Advance(seconds: 3);
        var before = Nodes.Store.Image;
        var b = Nodes.Start("b");
        Advance(seconds: Joining);
        var moved = Shard.Count - First.Node.ReadStatus().Shards.Open;
        b.Store.CutOff(true);

        Nodes.Store.Promote(before);
        Advance(seconds: 1.2);

        var status = First.Node.ReadStatus();
        Assert.Equal((false, First.Node.Data), (status.Data.IsAgreed, status.Data.Identity));
        Assert.Equal([b.Id], status.Data.Unagreed);
        Assert.InRange(status.Data.KnownFor, At(0.2), At(1.2));
        Assert.Equal((ShardWaitReason.Agreement, moved), Assert.Single(status.Shards.Waits.Select(wait => (wait.Reason, wait.Count))));
    }

    [Fact]
    public void A_node_that_leaves_says_for_what_it_waits_and_how_it_has_ended()
    {
        var b = Nodes.Start("b");
        Advance(seconds: Joining);
        b.Store.ClusterFaults.Fail(ClusterCall.Leave);
        b.Node.Leave();
        Advance(seconds: 0.3);
        Assert.Equal((NodePhase.Leaving, LeaveWait.Shards), (b.Node.ReadStatus().Phase, b.Node.ReadStatus().LeaveWait));

        Advance(seconds: 8);
        var status = b.Node.ReadStatus();
        Assert.Equal((NodePhase.Leaving, LeaveWait.Store, false), (status.Phase, status.LeaveWait, status.IsReady));
        Assert.Contains(status.StoreCalls, call => call is { Kind: StoreCallKind.Leave, FailuresInRow: > 1 });

        b.Store.ClusterFaults.Clear();
        Advance(seconds: 1);

        status = b.Node.ReadStatus();
        Assert.Equal((NodePhase.Ended, null, NodeEndReason.Left), (status.Phase, status.LeaveWait, status.End?.Reason));
        Assert.Equal(ConfirmationState.Lost, status.Confirmation.State);
        Assert.Null(status.Confirmation.EndsAfter);
    }

    [Fact]
    public void A_call_of_the_store_that_waits_says_since_when()
    {
        Advance(seconds: 3);
        First.Store.ClusterFaults.Hold(ClusterCall.Poll);
        Advance(seconds: 3);

        var poll = Assert.Single(First.Node.ReadStatus().StoreCalls, call => call.Kind == StoreCallKind.Poll);
        Assert.Equal((2, "no answer"), (poll.FailuresInRow, poll.Error)); // it was replaced
        Assert.InRange(poll.WaitingFor!.Value, At(2), At(3));

        First.Store.ClusterFaults.Clear();
        Advance(seconds: 1);
        Assert.DoesNotContain(First.Node.ReadStatus().StoreCalls, call => call.WaitingFor > At(0.5));
    }

    [Fact]
    public void A_status_of_a_loop_that_is_stuck_grows_old()
    {
        Advance(seconds: 3);
        Assert.InRange(First.Node.ReadStatus().Age, At(0), Limits.NodeReadInterval);

        First.Time.Advance(At(5));

        Assert.InRange(First.Node.ReadStatus().Age, At(5), At(5) + Limits.NodeReadInterval);
    }

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);
}
