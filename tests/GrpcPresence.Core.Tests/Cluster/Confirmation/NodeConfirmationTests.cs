using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Tests.Cluster.Confirmation;

public sealed class NodeConfirmationTests
{
    private static readonly NodeId Self = new("a", 1);
    private static readonly DataIdentity Data = new("model", Timeline: 1);
    private static readonly NodeId B = new("b", 1);
    private static readonly NodeId C = new("c", 1);
    private static readonly TimeSpan Counted = Limits.Confirmation - Limits.ConfirmationMargin;

    private readonly NodeConfirmation _node = new(Self);

    public NodeConfirmationTests()
    {
        _node.Begin(At(0));
        _node.SetData(Data);
    }

    [Fact]
    public void Live_a_node_that_waits_to_join_is_neither_confirmed_nor_lost()
    {
        var node = new NodeConfirmation(Self);
        Assert.Equal(ConfirmationState.Unconfirmed, node.StateAt(At(60_000)));
        node.Begin(At(60_000));
        Assert.Equal(ConfirmationState.Unconfirmed, node.StateAt(At(60_000)));
        Assert.Equal(ConfirmationState.Lost, node.StateAt(At(62_010)));
    }

    [Fact]
    public void A_node_is_not_confirmed_before_its_first_renewal() => Assert.Equal(ConfirmationState.Unconfirmed, _node.StateAt(At(0)));

    [Fact]
    public void AnsweredCounts_a_confirmation_counts_from_when_the_renewal_was_sent()
    {
        Renew(at: 0, answeredAt: 600);
        Assert.True(_node.IsConfirmed(Counted - TimeSpan.FromTicks(1)));
        Assert.False(_node.IsConfirmed(Counted));
    }

    [Fact]
    public void AnsweredCounts_a_node_answers_nothing_from_the_end_of_its_confirmation()
    {
        Renew(at: 0, answeredAt: 1);
        Assert.Equal(ConfirmationState.Unconfirmed, _node.StateAt(At(1000)));
        Assert.False(_node.IsConfirmed(At(1000)));
    }

    [Fact]
    public void A_node_counts_how_often_it_has_become_confirmed()
    {
        Renew(at: 0, answeredAt: 1);
        Renew(at: 500, answeredAt: 501);
        Assert.Equal(1, _node.TimesConfirmed);
        Renew(at: 2000, answeredAt: 2001);
        Assert.Equal(2, _node.TimesConfirmed);
    }

    [Fact]
    public void The_status_names_the_peers_that_confirm_no_request()
    {
        Renew(at: 0, answeredAt: 1, Self, B, C);
        Assert.True(_node.TryBeginRenewal(At(250), out var renewal));
        Assert.Empty(_node.Read(At(250)).SilentPeers);
        _node.FailRenewal(renewal.Number);
        Assert.True(_node.TryBeginRound(At(300), out var request, out _));
        _node.Receive(B, new ConfirmResponse(request.Round), At(301));

        var status = _node.Read(At(500));
        Assert.Equal([C], status.SilentPeers);
        Assert.Equal((At(300) + Counted - At(500), At(500)), (status.ConfirmedFor, status.RenewedBefore));
        Assert.Equal((At(119_500), At(300 + 3000 - 500)), (status.PeersConfirmFor, status.EndsAfter));
        Assert.True(_node.TryBeginRound(At(550), out _, out _));
        Assert.Equal([C], _node.Read(At(560)).SilentPeers); // the others need some time to answer
        Assert.Empty(_node.Read(At(1550)).SilentPeers); // nobody was asked since
    }

    [Fact]
    public void The_status_of_a_node_that_has_not_joined_or_is_deposed_promises_no_end()
    {
        var node = new NodeConfirmation(Self);
        Assert.Equal((ConfirmationState.Unconfirmed, null), (node.Read(At(0)).State, node.Read(At(0)).EndsAfter));
        _node.Revoke();
        Assert.Equal((ConfirmationState.Lost, null), (_node.Read(At(0)).State, _node.Read(At(0)).EndsAfter));
    }

    [Fact]
    public void A_node_stops_three_times_as_long_after_its_last_confirmation()
    {
        Renew(at: 0, answeredAt: 1);
        Assert.Equal(ConfirmationState.Unconfirmed, _node.StateAt(At(2999)));
        Assert.Equal(ConfirmationState.Lost, _node.StateAt(At(3000)));
    }

    [Fact]
    public void A_node_that_was_paused_is_not_confirmed_by_answers_to_what_it_sent_before()
    {
        Renew(at: 0, answeredAt: 1);
        Assert.True(_node.TryBeginRenewal(At(250), out var renewal));
        _node.CompleteRenewal(renewal.Number, Data, [Self], At(60_000));
        Assert.Equal(ConfirmationState.Lost, _node.StateAt(At(60_000)));
        Assert.False(_node.TryBeginRenewal(At(60_000), out _));
    }

    [Fact]
    public void A_node_that_was_lost_is_never_confirmed_again()
    {
        Renew(at: 0, answeredAt: 1, Self, B);
        Assert.True(_node.TryBeginRenewal(At(2500), out var renewal));
        _node.CompleteRenewal(renewal.Number, Data, [Self], At(3000));
        Assert.Equal(ConfirmationState.Lost, _node.StateAt(At(3000)));
    }

    [Fact]
    public void A_deposed_node_is_never_confirmed_again()
    {
        Assert.True(_node.TryBeginRenewal(At(0), out var renewal));
        _node.Revoke();
        _node.CompleteRenewal(renewal.Number, Data, [Self], At(1));
        Assert.Equal(ConfirmationState.Lost, _node.StateAt(At(1)));
    }

    [Fact]
    public void One_renewal_is_in_flight_at_a_time()
    {
        Assert.True(_node.TryBeginRenewal(At(0), out _));
        Assert.False(_node.TryBeginRenewal(At(999), out _));
        Assert.True(_node.TryBeginRenewal(At(1000), out var renewal));
        Assert.Equal(new Renewal(2, Acknowledged: 0), renewal);
    }

    [Fact]
    public void A_node_renews_every_250_ms()
    {
        Renew(at: 0, answeredAt: 10);
        Assert.False(_node.TryBeginRenewal(At(249), out _));
        Assert.True(_node.TryBeginRenewal(At(250), out var renewal));
        Assert.Equal(new Renewal(2, Acknowledged: 1), renewal);
    }

    [Fact]
    public void OneHolder_an_answer_after_its_deadline_does_not_count()
    {
        Renew(at: 0, answeredAt: 10, Self, B);
        Assert.True(_node.TryBeginRenewal(At(250), out var late));
        Assert.True(_node.TryBeginRenewal(At(1250), out _));
        _node.CompleteRenewal(late.Number, Data, [Self], At(1251));
        Assert.False(_node.IsConfirmed(At(1251)));
        // The store keeps the members of renewal 1 and of the renewal in flight, so the node asks those of renewal 1.
        Assert.True(_node.TryBeginRound(At(1500), out var request, out var peers));
        Assert.Equal(1, request.Renewal);
        Assert.Equal([B], peers);
    }

    [Fact]
    public void Peers_are_not_asked_while_the_store_answers()
    {
        Renew(at: 0, answeredAt: 10, Self, B, C);
        Assert.True(_node.TryBeginRenewal(At(250), out _));
        Assert.False(_node.TryBeginRound(At(499), out _, out _));
        Assert.True(_node.TryBeginRound(At(500), out _, out _));
    }

    [Fact]
    public void Peers_are_asked_at_once_when_the_store_fails()
    {
        Renew(at: 0, answeredAt: 10, Self, B, C);
        Fail(at: 250);
        Assert.True(_node.TryBeginRound(At(250), out var request, out var peers));
        Assert.Equal(1, request.Renewal);
        Assert.Equal([B, C], peers);
        Assert.False(_node.TryBeginRound(At(499), out _, out _));
        Assert.True(_node.TryBeginRound(At(500), out _, out _));
    }

    [Fact]
    public void A_node_without_an_answer_of_the_store_asks_no_peer()
    {
        Fail(at: 0);
        Assert.False(_node.TryBeginRound(At(250), out _, out _));
    }

    [Fact]
    public void StoreAway_a_majority_of_the_members_confirms_from_when_it_was_asked()
    {
        var round = AskPeers();
        _node.Receive(B, new ConfirmResponse(round), At(1100));
        Assert.True(_node.IsConfirmed(At(500) + Counted - TimeSpan.FromTicks(1)));
        Assert.False(_node.IsConfirmed(At(500) + Counted));
    }

    [Fact]
    public void OneHolder_half_of_the_members_does_not_confirm()
    {
        var round = AskPeers(new NodeId("d", 1));
        _node.Receive(B, new ConfirmResponse(round), At(501));
        _node.Receive(B, new ConfirmResponse(round), At(502));
        Assert.False(_node.IsConfirmed(At(1000)));
        _node.Receive(C, new ConfirmResponse(round), At(503));
        Assert.True(_node.IsConfirmed(At(1000)));
    }

    [Fact]
    public void OneHolder_answers_to_different_rounds_make_no_majority()
    {
        var round = AskPeers(new NodeId("d", 1));
        _node.Receive(B, new ConfirmResponse(round), At(501));
        Assert.True(_node.TryBeginRound(At(750), out var next, out _));
        _node.Receive(C, new ConfirmResponse(next.Round), At(751));
        Assert.False(_node.IsConfirmed(At(1100)));
    }

    [Fact]
    public void OneHolder_an_answer_to_an_earlier_round_confirms_no_later_one()
    {
        var round = AskPeers();
        for (var now = 750; now <= 1500; now += 250)
        {
            Fail(now);
            Assert.True(_node.TryBeginRound(At(now), out _, out _));
        }

        _node.Receive(B, new ConfirmResponse(round), At(1501)); // the promise of the peer may be over

        Assert.False(_node.IsConfirmed(At(1501)));
    }

    [Fact]
    public void OneHolder_only_members_of_the_acknowledged_renewal_count()
    {
        var round = AskPeers();
        _node.Receive(new NodeId("b", 2), new ConfirmResponse(round), At(501));
        _node.Receive(new NodeId("x", 1), new ConfirmResponse(round), At(501));
        Assert.False(_node.IsConfirmed(At(1000)));
    }

    [Fact]
    public void StoreAway_peers_confirm_for_at_most_120_s()
    {
        Renew(at: 0, answeredAt: 10, Self, B, C);
        for (var now = 250; now < 130_000; now += 250)
        {
            Fail(now);
            if (_node.TryBeginRound(At(now), out var request, out _))
                _node.Receive(B, new ConfirmResponse(request.Round), At(now));
            Assert.Equal(now < 120_000, _node.IsConfirmed(At(now)));
        }
    }

    [Fact]
    public void StoreAway_the_only_member_confirms_itself()
    {
        Renew(at: 0, answeredAt: 10, Self);
        Fail(at: 250);
        Assert.True(_node.TryBeginRound(At(500), out _, out var peers));
        Assert.Empty(peers);
        Assert.True(_node.IsConfirmed(At(1400)));
    }

    [Fact]
    public void OneHolder_a_renewal_in_data_that_the_node_does_not_know_confirms_nothing()
    {
        Assert.True(_node.TryBeginRenewal(At(0), out var renewal));
        _node.CompleteRenewal(renewal.Number, Data with { Timeline = 2 }, [Self, B, C], At(10));
        Assert.False(_node.IsConfirmed(At(10)));
        Assert.Empty(_node.Members);
    }

    [Fact]
    public void OneHolder_after_the_node_has_learned_other_data_peers_confirm_it_only_after_a_renewal()
    {
        var round = AskPeers();
        _node.SetData(Data with { Timeline = 2 });
        _node.Receive(B, new ConfirmResponse(round), At(600));
        Assert.False(_node.IsConfirmed(At(1400)));
        Assert.False(_node.TryBeginRound(At(800), out _, out _));
    }

    [Fact]
    public void A_confirmation_stands_when_the_node_learns_other_data()
    {
        Renew(at: 0, answeredAt: 10);
        _node.SetData(Data with { Timeline = 2 });
        Assert.True(_node.IsConfirmed(At(900)));
    }

    [Fact]
    public void Peers_are_asked_about_the_data_that_the_node_knows()
    {
        Renew(at: 0, answeredAt: 10, Self, B, C);
        Fail(at: 250);
        Assert.True(_node.TryBeginRound(At(500), out var request, out _));
        Assert.Equal(Data, request.Data);
    }

    [Fact]
    public void OneHolder_a_node_that_was_unconfirmed_for_a_moment_was_not_confirmed_throughout()
    {
        var round = AskPeers();
        Assert.True(_node.IsConfirmedThroughout(At(600)));
        Assert.False(_node.IsConfirmedThroughout(At(1200)));
        _node.Receive(B, new ConfirmResponse(round), At(1200)); // the confirmation of the store ended before
        Assert.True(_node.IsConfirmed(At(1200)));
        Assert.False(_node.IsConfirmedThroughout(At(1200)));

        Renew(at: 1250, answeredAt: 1260);

        Assert.True(_node.IsConfirmedThroughout(At(1270)));
    }

    private static TimeSpan At(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    private void Renew(int at, int answeredAt, params ImmutableArray<NodeId> members)
    {
        Assert.True(_node.TryBeginRenewal(At(at), out var renewal));
        _node.CompleteRenewal(renewal.Number, Data, members, At(answeredAt));
    }

    private void Fail(int at)
    {
        if (_node.TryBeginRenewal(At(at), out var renewal))
            _node.FailRenewal(renewal.Number);
    }

    private long AskPeers(params ImmutableArray<NodeId> more)
    {
        Renew(at: 0, answeredAt: 10, [Self, B, C, .. more]);
        Fail(at: 250);
        Assert.True(_node.TryBeginRound(At(500), out var request, out _));
        return request.Round;
    }
}
