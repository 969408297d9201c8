using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Tests.Fixture;

namespace GrpcPresence.Core.Tests.Quotas;

/// <summary>Tests how the nodes of a cluster share quotas, one promise a test. The messages between them arrive within 20 ms.</summary>
public sealed class SharedQuotaTests : IDisposable
{
    private const int Limit = 400;

    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(2);

    private readonly QuotaCluster _cluster = new(nodes: 3, seed: 1);

    public SharedQuotaTests() => _cluster.Pass(3 * Limits.Tick); // the home owner asks all nodes

    private List<QuotaCluster.Node> Nodes => _cluster.Nodes;

    public void Dispose() => _cluster.Dispose();

    [Fact]
    public void Stable_the_home_shard_of_a_quota_is_the_same_in_every_process_and_version()
    {
        Assert.Equal(new Shard(403), QuotaKey.Of(7).Home);
        Assert.Equal(new Shard(310), QuotaKey.Of("SK0123456789abcdef0123456789abcdef").Home);
    }

    [Fact]
    public void SharedQuota_The_first_call_on_a_node_brings_a_share_within_a_tick()
    {
        Nodes[1].Beat(1);
        _cluster.Pass(Limits.Tick);

        Assert.Equal(Limit, HeartbeatsOf(Nodes[1]));
        Assert.Equal(1, HeartbeatsOf(Nodes[2]));
    }

    [Fact]
    public void SharedQuota_A_call_is_charged_at_its_ingress_alone()
    {
        _cluster.Pass(Settled, () => Nodes.ForEach(node => node.Beat(1)));
        _cluster.Pass(Settled);
        var free = Nodes.ConvertAll(FreeHeartbeats);

        Assert.Equal(20, Nodes[1].Beat(20));
        _cluster.Pass(TimeSpan.FromMilliseconds(50)); // longer than a message needs

        Assert.InRange(FreeHeartbeats(Nodes[1]), free[1] - 20, free[1] - 10); // the share brings about 7 in that time
        Assert.Equal((free[0], free[2]), (FreeHeartbeats(Nodes[0]), FreeHeartbeats(Nodes[2]))); // Nodes[0] is the home owner
    }

    [Fact]
    public void SharedQuota_What_was_used_is_not_charged_again_when_the_share_changes()
    {
        var node = Nodes[1];
        Assert.Equal(8, node.Beat(8)); // of the burst of 10 that the share of 1 allows
        _cluster.Pass(Limits.Tick);
        Assert.Equal(Limit, HeartbeatsOf(node));

        _cluster.Pass(TimeSpan.FromSeconds(1));

        Assert.Equal(Limit, node.Beat(10_000)); // a whole burst, after a second with the whole limit
    }

    [Fact]
    public void SharedQuota_After_lost_commits_a_node_answers_a_home_owner_of_a_lower_epoch()
    {
        var home = QuotaCluster.Subject.Home;
        List<QuotaMessage> sent = [];
        var borrower = new QuotaBorrower(
            new NodeId("a", 1), QuotaCluster.Whole, QuotaCluster.Whole, _ => null, (_, message) => sent.Add(message), frequency: 1000);
        borrower.Receive(Ask(new QuotaStamp(7, 1)), now: 0);
        Assert.Single(sent);
        borrower.Receive(Ask(new QuotaStamp(5, 2)), now: 0); // of the holder before that one
        Assert.Single(sent);

        borrower.ForgetStamps();
        borrower.Receive(Ask(new QuotaStamp(5, 2)), now: 0);

        Assert.Equal(2, sent.Count);

        QuotaInquiry Ask(QuotaStamp stamp) => new(new NodeId("b", 1), [new QuotaInquiryOfShard(home, stamp)]);
    }

    [Fact]
    public void SharedQuota_An_error_names_the_limit_of_the_whole()
    {
        var limiter = Nodes[1].Limiter;
        while (limiter.TryChargeHeartbeat(limiter.OfServiceInstance(1), caller: null, out _))
        {
        }

        Assert.False(limiter.TryChargeHeartbeat(limiter.OfServiceInstance(1), caller: null, out var error));
        Assert.Equal((ErrorReason.QuotaExceeded, $"{Limit}"), (error.Reason, error.Details["limit"]));
    }

    [Fact]
    public void SharedQuota_A_node_that_asks_for_too_much_takes_nothing_from_those_that_need_little()
    {
        _cluster.Pass(2 * Settled, () =>
        {
            Nodes[0].Beat(100);
            Nodes[1].Beat(1); // 100 a second
            Nodes[2].Beat(1);
        });

        Assert.InRange(HeartbeatsOf(Nodes[0]), 190, 200);
        Assert.Equal([100, 100], Nodes[1..].Select(HeartbeatsOf));
    }

    [Fact]
    public void SharedQuota_The_nodes_together_charge_no_more_than_the_limit_allows()
    {
        _cluster.Pass(Settled, () => Nodes.ForEach(node => node.Beat(100)));
        var charged = 0;

        _cluster.Pass(TimeSpan.FromSeconds(10), () => charged += Nodes.Sum(node => node.Beat(100)));

        Assert.InRange(charged, Limit * 10 * 9 / 10, (Limit + Nodes.Count) * 10);
    }

    [Fact]
    public void SharedQuota_A_node_keeps_its_last_share_while_the_home_owner_is_away()
    {
        _cluster.Pass(Settled, () => Nodes.ForEach(node => node.Beat(10)));
        var share = HeartbeatsOf(Nodes[1]);
        Nodes[0].IsAlive = false; // and stays in the view

        _cluster.Pass(TimeSpan.FromMinutes(1), () => Nodes[1].Beat(10));

        Assert.True(share > 100);
        Assert.Equal(share, HeartbeatsOf(Nodes[1]));
    }

    [Fact]
    public void SharedQuota_The_share_of_a_dead_node_goes_to_the_others_after_it_left_the_view()
    {
        _cluster.Pass(Settled, () => Nodes.ForEach(node => node.Beat(10)));
        var dead = Nodes[2];
        _cluster.Kill(dead, detection: TimeSpan.FromSeconds(3));
        _cluster.Pass(TimeSpan.FromSeconds(2.9), () => Nodes.FindAll(node => node != dead).ForEach(node => node.Beat(10)));
        Assert.InRange(Nodes.Where(node => node != dead).Sum(HeartbeatsOf), 1, Limit - HeartbeatsOf(dead) + 2);

        _cluster.Pass(Settled, () => Nodes.ForEach(node => node.Beat(10)));

        Assert.Equal(Limit, Nodes.Sum(HeartbeatsOf));
    }

    [Fact]
    public void SharedQuota_A_new_home_owner_lends_only_what_the_nodes_do_not_hold()
    {
        _cluster.Pass(Settled, () => Nodes[2].Beat(100));
        Assert.Equal(Limit, HeartbeatsOf(Nodes[2]));
        _cluster.Check = () => Assert.InRange(Nodes.Sum(HeartbeatsOf), 1, Limit + Nodes.Count);

        _cluster.Move(Nodes[1], noticed: TimeSpan.FromSeconds(3)); // both lend for a while
        _cluster.Pass(2 * Settled, () => Nodes[0].Beat(100));

        Assert.InRange(HeartbeatsOf(Nodes[0]), Limit * 9 / 10, Limit);
    }

    [Fact]
    public void SharedQuota_A_move_that_overlooks_a_node_adds_at_most_what_it_holds_until_the_view_arrives()
    {
        var late = _cluster.Start("late");
        _cluster.Pass(Settled, () => late.Beat(100));
        var overlooked = HeartbeatsOf(late);
        Assert.InRange(overlooked, Limit * 9 / 10, Limit);
        var next = Nodes[1];
        _cluster.Check = () => Assert.InRange(Nodes.Sum(HeartbeatsOf), 1, Limit + Nodes.Count + overlooked);

        _cluster.Move(next, noticed: TimeSpan.Zero);
        next.Lender.SetNodes(Nodes.Where(node => node != late).Select(node => node.Id));
        _cluster.Pass(Settled, () => Nodes[0].Beat(100));
        Assert.InRange(Nodes.Sum(HeartbeatsOf), Limit + Nodes.Count + 1, Limit + Nodes.Count + overlooked);

        next.Lender.SetNodes(_cluster.View);
        _cluster.Pass(Settled, () => Nodes[0].Beat(100));
        Assert.InRange(Nodes.Sum(HeartbeatsOf), Limit * 9 / 10, Limit + Nodes.Count);
    }

    [Fact]
    public void SharedQuota_A_level_that_is_in_use_is_not_lent_to_others()
    {
        OpenAll(Nodes[1]);
        Assert.Equal(50, Nodes[1].OpenStreams);

        // The node keeps its streams, although the other one now gets half. Each stream that ends goes to the other one.
        OpenAll(Nodes[2]);
        Assert.Equal([50, 1], Nodes[1..].Select(node => node.OpenStreams));
        for (var i = 0; i < 20; i++)
            Nodes[1].Close();
        OpenAll(Nodes[2]);
        Assert.Equal([30, 20], Nodes[1..].Select(node => node.OpenStreams));
    }

    [Fact]
    public void SharedQuota_A_refused_watch_of_many_users_is_accepted_when_its_client_tries_again()
    {
        Assert.False(Nodes[1].Open(watchedUsers: 900)); // without a share yet
        _cluster.Pass(Limits.LevelQuotaRetry, () => Nodes[2].Beat(1));

        Assert.True(Nodes[1].Open(watchedUsers: 900));
    }

    [Fact]
    public void SharedQuota_The_share_of_a_subject_that_is_not_used_any_more_is_returned_and_forgotten()
    {
        _cluster.Pass(Settled, () => Nodes.ForEach(node => node.Beat(1)));
        _cluster.Pass(Settled, () => Nodes[2].Beat(1));

        Nodes[0].Limiter.Sweep();
        Nodes[1].Limiter.Sweep();
        _cluster.Pass(Settled, () => Nodes[2].Beat(1));

        Assert.Equal([0, 0, 1], Nodes.Select(node => node.Borrower.SubjectCount));
        Assert.Equal([1, 1, Limit], Nodes.Select(HeartbeatsOf));
    }

    [Fact]
    public void SharedQuota_A_quota_without_a_limit_has_none_on_any_node()
    {
        Nodes[1].Beat(1);
        Assert.Equal(int.MaxValue, Nodes[1].Borrower.ShareOf(QuotaCluster.Subject).RowsReadPerSecond);
        _cluster.Pass(Settled);
        Assert.Equal(int.MaxValue, Nodes[1].Borrower.ShareOf(QuotaCluster.Subject).RowsReadPerSecond);
    }

    [Fact]
    public void SharedQuota_The_quotas_of_API_keys_are_shared_and_those_of_end_users_are_not()
    {
        var limiter = Nodes[1].Limiter;
        Assert.NotNull(limiter.OfApiKey("k").Demand);
        Assert.Null(limiter.OfEndUser(default, World.Id("ada")).Demand);
        Assert.Equal(1, Nodes[1].Borrower.SubjectCount);
    }

    [Theory]
    [InlineData(10, new[] { 0, 0, 0 }, new[] { 3, 3, 4 })]
    [InlineData(10, new[] { 100, 0, 0 }, new[] { 10, 0, 0 })]
    [InlineData(10, new[] { 100, 2, 100 }, new[] { 4, 2, 4 })]
    [InlineData(10, new[] { 4, 0, 3 }, new[] { 5, 1, 4 })]
    [InlineData(2, new[] { 5, 5, 5 }, new[] { 0, 1, 1 })]
    [InlineData(int.MaxValue - 1, new[] { int.MaxValue, 5 }, new[] { int.MaxValue - 6, 5 })]
    [InlineData(10, new int[0], new int[0])]
    public void A_limit_is_divided_by_need_and_what_nobody_needs_evenly(int limit, int[] demands, int[] parts) =>
        Assert.Equal(parts, QuotaDivision.Divide(limit, demands));

    private static int HeartbeatsOf(QuotaCluster.Node node) => node.Borrower.ShareOf(QuotaCluster.Subject).HeartbeatsPerSecond;

    private static long FreeHeartbeats(QuotaCluster.Node node)
    {
        var counters = node.Limiter.OfServiceInstance(1);
        var free = node.Limiter.ChargeHeartbeats(counters, caller: null, int.MaxValue);
        counters.Heartbeats.GiveBack(free);
        return free;
    }

    /// <summary>Opens as many streams as the quota allows: once more after the refusals have brought a share.</summary>
    private void OpenAll(QuotaCluster.Node node)
    {
        for (var attempt = 0; attempt < 100; attempt++)
        {
            node.Open(watchedUsers: 0);
            if (attempt == 50)
                _cluster.Pass(Settled);
        }
        _cluster.Pass(Settled);
    }
}
