using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Confirmation;

public sealed class EvictionsTests
{
    private static readonly NodeId X = new("x", 1);
    private static readonly DataIdentity Data = new("model", Timeline: 1);
    private static readonly NodeId Self = new("a", 1);
    private static readonly NodeId B = new("b", 1);
    private static readonly NodeId C = new("c", 1);
    private static readonly NodeId D = new("d", 1);
    private static readonly ClusterView View = new(7, [Self, B, C, D]);

    private readonly PeerPromises _promises = new(TimeSpan.FromMinutes(-1));
    private readonly Evictions _evictions;

    public EvictionsTests()
    {
        _evictions = new Evictions(Self, _promises);
        _evictions.SetData(Data);
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 2)]
    [InlineData(4, 2)]
    [InlineData(5, 3)]
    [InlineData(6, 3)]
    [InlineData(7, 4)]
    public void OneHolder_an_eviction_needs_votes_that_leave_no_majority(int members, int votes)
    {
        NodeId[] others = [Self, .. Enumerable.Range(1, members - 2).Select(node => new NodeId($"n{node}", 1))];
        Observe([X, .. others], [X, .. others]);
        for (var vote = 1; vote < votes; vote++)
        {
            Assert.False(_evictions.TryTake(At(0), out _));
            _evictions.Receive(others[vote], new Vote(X, Data, 9));
        }
        Assert.True(_evictions.TryTake(At(0), out var eviction));
        Assert.Equal(new Eviction(X, Data, 9, HasVotes: true), eviction);
    }

    [Fact]
    public void OneHolder_votes_count_against_the_members_of_the_acknowledged_renewal()
    {
        // The last renewal saw fewer members than the one before, whose members the node asks if the answer was lost.
        Observe([X, Self], [X, Self, B, C, D]);
        Assert.False(_evictions.TryTake(At(0), out _));
        _evictions.Receive(B, new Vote(X, Data, 9));
        Assert.False(_evictions.TryTake(At(0), out _));
        _evictions.Receive(C, new Vote(X, Data, 9));
        Assert.True(_evictions.TryTake(At(0), out _));
    }

    [Fact]
    public void OneHolder_votes_count_against_the_members_of_the_last_renewal()
    {
        Observe([X, Self, B, C, D], [X, Self]);
        _evictions.Receive(B, new Vote(X, Data, 9));
        Assert.False(_evictions.TryTake(At(0), out _));
        _evictions.Receive(C, new Vote(X, Data, 9));
        Assert.True(_evictions.TryTake(At(0), out _));
    }

    [Fact]
    public void OneHolder_votes_of_other_nodes_and_runs_do_not_count()
    {
        Observe([X, Self, B], [X, Self, B]);
        _evictions.Receive(C, new Vote(X, Data, 9));
        _evictions.Receive(new NodeId("b", 0), new Vote(X, Data, 9));
        _evictions.Receive(X, new Vote(X, Data, 9));
        Assert.False(_evictions.TryTake(At(0), out _));
    }

    [Fact]
    public void Live_a_later_run_of_a_member_votes_in_its_place()
    {
        Observe([X, Self, B], [X, Self, B]);
        _evictions.Receive(new NodeId("b", 2), new Vote(X, Data, 9));
        Assert.True(_evictions.TryTake(At(0), out _));
    }

    [Fact]
    public void OneHolder_votes_for_an_earlier_renewal_do_not_count()
    {
        Observe([X, Self, B], [X, Self, B]);
        See(new NodeLease(X, Data, 10, [X, Self, B], [X, Self, B]), now: 100);
        _evictions.Tick(View, At(1101), []);
        _evictions.Receive(B, new Vote(X, Data, 9));
        Assert.False(_evictions.TryTake(At(1101), out _));
        _evictions.Receive(B, new Vote(X, Data, 10));
        Assert.True(_evictions.TryTake(At(1101), out _));
    }

    [Fact]
    public void OneHolder_this_node_does_not_vote_while_it_has_promised()
    {
        _promises.TryConfirm(X, 9, View with { Nodes = [X] }, At(0));
        Observe([X, Self], [X, Self]);
        Assert.False(_evictions.TryTake(At(0), out _));
        _evictions.Tick(View, At(1000), []);
        Assert.True(_evictions.TryTake(At(1000), out _));
    }

    [Fact]
    public void A_lease_that_is_younger_than_a_confirmation_collects_no_votes()
    {
        See(new NodeLease(X, Data, 9, [X, Self, B], [X, Self, B]), now: -400);
        Assert.Empty(RequestsAt(600));
        Assert.True(_promises.TryConfirm(X, 9, View with { Nodes = [X] }, At(600)));
        Assert.Equal([B], RequestsAt(601));
    }

    [Fact]
    public void Votes_are_asked_for_again_only_of_those_that_have_not_voted()
    {
        Observe([X, Self, B, C, D], [X, Self]);
        Assert.Empty(RequestsAt(249));
        _evictions.Receive(C, new Vote(X, Data, 9));
        Assert.Equal([B, D], RequestsAt(250));
    }

    [Fact]
    public void A_node_that_has_received_no_answer_of_the_store_needs_no_votes()
    {
        Observe([], []);
        Assert.True(_evictions.TryTake(At(0), out _));
    }

    [Fact]
    public void Without_votes_an_eviction_waits_until_peers_cannot_confirm_any_more()
    {
        Observe([X], [X]);
        for (var now = 0; now <= 119_000; now += 1000)
        {
            Assert.False(_evictions.TryTake(At(now), out _));
            See(new NodeLease(X, Data, 9, [X], [X]), now);
            _evictions.Tick(View, At(now), []);
        }
        Assert.False(_evictions.TryTake(At(119_000), out _));
        Assert.True(_evictions.TryTake(At(119_001), out var eviction));
        Assert.Equal(new Eviction(X, Data, 9, HasVotes: false), eviction);
    }

    [Fact]
    public void One_request_to_the_store_is_in_flight_at_a_time()
    {
        Observe([X, Self], [X, Self]);
        Assert.True(_evictions.TryTake(At(0), out var eviction));
        Assert.False(_evictions.TryTake(At(1000), out _));
        _evictions.Complete(eviction, isOver: false);
        Assert.True(_evictions.TryTake(At(1000), out _));
        _evictions.Complete(eviction, isOver: true);
        Assert.False(_evictions.TryTake(At(2000), out _));
    }

    [Fact]
    public void An_eviction_ends_when_the_view_shows_the_node()
    {
        Observe([X, Self], [X, Self]);
        _evictions.Tick(new ClusterView(8, [Self, X]), At(1), []);
        Assert.False(_evictions.TryTake(At(1), out _));
    }

    [Fact]
    public void An_eviction_ends_when_the_store_does_not_show_the_lease_any_more()
    {
        Observe([X, Self], [X, Self]);
        _evictions.Tick(View, At(5000), []);
        Assert.False(_evictions.TryTake(At(5000), out _));
    }

    [Fact]
    public void OneHolder_the_age_of_a_renewal_counts_from_when_the_store_showed_it_first()
    {
        var lease = new NodeLease(X, Data, 9, [X, Self], [X, Self]);
        See(lease, now: 0);
        See(lease with { Renewal = 10 }, now: 900);
        See(lease with { Renewal = 10 }, now: 1400);
        _evictions.Tick(View, At(1900), []);
        Assert.False(_evictions.TryTake(At(1900), out _));
        _evictions.Tick(View, At(1901), []);
        Assert.True(_evictions.TryTake(At(1901), out _));
    }

    [Fact]
    public void OneHolder_what_was_seen_in_earlier_data_does_not_count_for_the_age()
    {
        See(new NodeLease(X, Data, 9, [X, Self], [X, Self]), now: 0);
        var other = Data with { Timeline = 2 };
        _evictions.SetData(other);
        See(new NodeLease(X, other, 9, [X, Self], [X, Self]), now: 500);

        _evictions.Tick(View, At(1500), []);
        Assert.False(_evictions.TryTake(At(1500), out _));
        _evictions.Tick(View, At(1501), []);
        Assert.True(_evictions.TryTake(At(1501), out _));
    }

    [Fact]
    public void Live_the_age_of_a_renewal_begins_to_count_while_the_view_still_shows_the_node()
    {
        var lease = new NodeLease(X, Data, 9, [X, Self], [X, Self]);
        _evictions.NoteLeases([lease], View with { Nodes = [X, Self] }, At(0));
        _evictions.NoteLeases([lease], View with { Nodes = [X, Self] }, At(1000));
        _evictions.Tick(View, At(1000), []);
        Assert.False(_evictions.TryTake(At(1001), out _));

        See(lease, now: 1001);
        _evictions.Tick(View, At(1001), []);
        Assert.True(_evictions.TryTake(At(1001), out _));
    }

    [Fact]
    public void A_node_evicts_its_own_earlier_run_without_knowing_the_data()
    {
        var earlier = new NodeLease(new NodeId("a", 0), Data, 9, [X, Self], [X, Self]);
        var evictions = new Evictions(Self, _promises);

        evictions.NoteLeases([earlier], View, At(0));

        Assert.False(evictions.TryTake(At(1000), out _));
        Assert.True(evictions.TryTake(At(1001), out var eviction));
        Assert.Equal(new Eviction(earlier.Node, Data, 9, HasVotes: true), eviction);
    }

    [Fact]
    public void OneHolder_a_lease_of_other_data_begins_no_eviction()
    {
        See(new NodeLease(X, Data with { Timeline = 2 }, 9, [], []), now: -2000);
        Assert.False(_evictions.TryTake(At(0), out _));
    }

    [Fact]
    public void OneHolder_a_vote_about_other_data_does_not_count()
    {
        Observe([X, Self, B], [X, Self, B]);
        _evictions.Receive(B, new Vote(X, Data with { Timeline = 2 }, 9));
        Assert.False(_evictions.TryTake(At(0), out _));
        _evictions.Receive(B, new Vote(X, Data, 9));
        Assert.True(_evictions.TryTake(At(0), out _));
    }

    [Fact]
    public void What_was_known_of_leases_ends_with_the_data()
    {
        Observe([X, Self], [X, Self]);
        _evictions.SetData(Data with { Timeline = 2 });
        _evictions.Tick(View, At(2000), []);
        Assert.False(_evictions.TryTake(At(2000), out _));
    }

    [Fact]
    public void An_eviction_names_the_votes_that_it_lacks_and_why()
    {
        var gone = new NodeId("e", 1);
        _promises.TryConfirm(X, 9, View with { Nodes = [X] }, At(0));
        Observe([X, Self, B, C, D, gone], [X, Self]);
        _evictions.Receive(B, new VoteRefused(X, Data, 9, VoteObstacle.Promised));
        _evictions.Receive(C, new VoteRefused(X, Data, 8, VoteObstacle.Promised)); // for another renewal
        _evictions.Receive(D, new Vote(X, Data, 9));

        var status = Assert.Single(_evictions.Read(View, At(500)));

        Assert.Equal((X, At(2500), 2, false), (status.Node, status.LeaseAge, status.VotesNeeded, status.IsAsked));
        Assert.Equal(
            [
                new MissingVote(Self, VoteObstacle.Promised), new MissingVote(B, VoteObstacle.Promised), new MissingVote(C, null),
                new MissingVote(gone, VoteObstacle.NotInView),
            ],
            status.MissingVotes);
        Assert.Equal(At(118_500), status.NeedsNoVotesAfter);
    }

    [Fact]
    public void An_eviction_with_enough_votes_lacks_none()
    {
        Observe([X, Self, B], [X, Self]);
        _evictions.Receive(B, new Vote(X, Data, 9));
        Assert.True(_evictions.TryTake(At(0), out _));

        var status = Assert.Single(_evictions.Read(View, At(0)));

        Assert.Equal((0, TimeSpan.Zero, true), (status.VotesNeeded, status.NeedsNoVotesAfter, status.IsAsked));
        Assert.Empty(status.MissingVotes);
    }

    private static TimeSpan At(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    private void See(NodeLease lease, int now) => _evictions.NoteLeases([lease], View, At(now));

    // Renewal 9 was seen two seconds ago; this node votes.
    private void Observe(ImmutableArray<NodeId> members, ImmutableArray<NodeId> acknowledged)
    {
        var lease = new NodeLease(X, Data, 9, members, acknowledged);
        See(lease, now: -2000);
        See(lease, now: 0);
        RequestsAt(0);
    }

    private NodeId[] RequestsAt(int now)
    {
        List<(NodeId To, VoteRequest Request)> requests = [];
        _evictions.Tick(View, At(now), requests);
        Assert.All(requests, request => Assert.Equal(new VoteRequest(X, Data, 9), request.Request));
        return [.. requests.Select(request => request.To)];
    }
}
