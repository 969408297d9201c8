using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Storage;
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
    public void SharedQuota_The_first_share_of_a_subject_that_nobody_uses_has_a_full_burst()
    {
        _cluster.Pass(TimeSpan.FromSeconds(1)); // the home owner has got its shard long ago
        Nodes[1].Limiter.OfServiceInstance(1);
        _cluster.Pass(TimeSpan.FromMilliseconds(50)); // two messages

        Assert.Equal(Limit, Nodes[1].Beat(10_000));
    }

    [Fact]
    public void SharedQuota_A_share_that_another_node_does_not_use_comes_with_its_tokens()
    {
        _cluster.Pass(Settled, () => Nodes[1].Beat(1));
        _cluster.Pass(Settled);

        Nodes[2].Limiter.OfServiceInstance(1);
        _cluster.Pass(Limits.Tick); // four messages

        Assert.Equal(Limit / 2, Nodes[2].Beat(10_000));
    }

    [Fact]
    public void SharedQuota_A_share_that_moves_brings_no_tokens_that_were_used()
    {
        _cluster.Pass(Settled, () => Nodes[1].Beat(100));
        var charged = 0;

        _cluster.Pass(Settled, () => charged += Nodes[1].Beat(100) + Nodes[2].Beat(100));

        Assert.InRange(HeartbeatsOf(Nodes[2]), Limit * 4 / 10, Limit * 6 / 10);
        Assert.InRange(charged, Limit * 2 * 8 / 10, ((Limit + Nodes.Count) * 2) + Limits.MinBurst);
    }

    [Fact]
    public async Task SharedQuota_A_back_end_that_sends_a_batch_every_30_seconds_is_never_rejected()
    {
        const int Batch = Limit / 4;
        _cluster.Pass(TimeSpan.FromSeconds(1));
        Assert.Equal(Batch, await BeatSharedAsync(Nodes[1], Batch));

        for (var i = 0; i < 4; i++)
        {
            for (var swept = 0; swept < 3; swept++)
            {
                _cluster.Pass(Limits.MeterSweepInterval);
                Nodes[1].Limiter.Sweep();
            }
            Assert.Equal(Batch, Nodes[1].Beat(Batch));
        }
    }

    [Fact]
    public async Task SharedQuota_Batches_through_any_node_are_accepted_while_the_sum_is_far_below_the_limit()
    {
        _cluster.Pass(TimeSpan.FromSeconds(1));
        for (var i = 0; i < 9; i++)
        {
            Assert.Equal(Limit / 8, await BeatSharedAsync(Nodes[i % 3], Limit / 8));
            _cluster.Pass(TimeSpan.FromSeconds(3));
            Nodes.ForEach(node => node.Limiter.Sweep());
        }
    }

    [Fact]
    public async Task SharedQuota_The_first_watch_of_a_node_waits_for_its_share_and_is_accepted()
    {
        Assert.True(Nodes[1].Open(watchedUsers: 0));
        _cluster.Pass(Settled);

        await ShareAsync(Nodes[2]);

        Assert.True(Nodes[2].Open(watchedUsers: 400)); // of 1,000
        Assert.True(Nodes[2].Open(watchedUsers: 0));
    }

    [Fact]
    public void SharedQuota_Calls_wait_until_each_other_node_has_returned_its_part_of_the_first_share()
    {
        _cluster.Pass(Settled, () => Nodes[..2].ForEach(node => node.Beat(1)));
        _cluster.Pass(Settled);
        Assert.All(Nodes[..2], node => Assert.InRange(HeartbeatsOf(node), Limit * 4 / 10, Limit / 2));

        var demand = Nodes[2].Limiter.OfServiceInstance(1).Demand!;
        for (var i = 0; i < 20 && demand.FirstShare is not null; i++)
            _cluster.Pass(TimeSpan.FromMilliseconds(10));

        Assert.Null(demand.FirstShare);
        Assert.InRange(HeartbeatsOf(Nodes[2]), Limit * 3 / 10, Limit * 4 / 10);
    }

    [Fact]
    public async Task SharedQuota_Calls_wait_for_an_absent_home_owner_once_and_for_a_moment()
    {
        Nodes[0].IsAlive = false;
        var limiter = Nodes[1].Limiter;

        var waiting = limiter.WaitForShareAsync(limiter.OfServiceInstance(1), caller: null, default).AsTask();
        _cluster.Pass(Limits.FirstShareWait - TimeSpan.FromMilliseconds(10));
        Assert.False(waiting.IsCompleted);
        _cluster.Pass(TimeSpan.FromMilliseconds(20));

        await waiting.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.True(limiter.WaitForShareAsync(limiter.OfServiceInstance(1), caller: null, default).AsTask().IsCompletedSuccessfully);
        Assert.Equal(10, Nodes[1].Beat(20));
    }

    [Fact]
    public void SharedQuota_A_call_that_uses_a_subject_while_its_share_is_returned_waits_for_another_one()
    {
        var node = Nodes[1];
        _cluster.Pass(Settled, () => node.Beat(1));
        _cluster.Pass(Settled);
        _cluster.Skip(Limits.IdleQuotaShare);
        node.Limiter.Sweep();
        Assert.Equal(0, node.Limiter.CounterCount);
        node.Borrower.Tick(_cluster.Time.GetTimestamp() + _cluster.Time.TimestampFrequency); // reports that the subject is idle

        Assert.Equal(Limit, node.Beat(Limit)); // the share is still here
        _cluster.Pass(2 * Limits.Tick);

        Assert.Equal(Limit, HeartbeatsOf(node));
    }

    [Fact]
    public void SharedQuota_A_home_owner_takes_no_answer_of_other_data()
    {
        var later = new DataIdentity("server", Timeline: 2);
        var other = new NodeId("b", 1);
        List<QuotaMessage> sent = [];
        var lender = new QuotaLender(
            new NodeId("a", 1), QuotaCluster.Whole, QuotaCluster.Whole, (_, message) => sent.Add(message), frequency: 1000);
        lender.SetNodes([other]);
        lender.OpenHome(QuotaCluster.Subject.Home, epoch: 5);
        lender.SetData(later);
        lender.Tick(now: 0);
        var inquiry = Assert.IsType<QuotaInquiry>(Assert.Single(sent));
        Assert.Equal(later, inquiry.Data);

        var answer = new QuotaReport(other, Number: 1, [], inquiry.Shards);
        lender.Receive(answer, now: 0); // it was made before
        lender.Tick(now: 1000);
        Assert.Equal(2, sent.Count); // the node is asked again

        lender.Receive(answer with { Data = later }, now: 1000);
        lender.Tick(now: 2000);
        Assert.Equal(2, sent.Count);
    }

    [Fact]
    public void SharedQuota_A_node_takes_no_grant_of_other_data()
    {
        var later = new DataIdentity("server", Timeline: 2);
        List<QuotaMessage> sent = [];
        var borrower = new QuotaBorrower(
            new NodeId("a", 1), QuotaCluster.Whole, QuotaCluster.Whole, _ => null, (_, message) => sent.Add(message), frequency: 1000);
        var grant = new SubjectGrant(QuotaCluster.Subject, new QuotaStamp(7, 1), default, IsRelease: true);
        var grants = new QuotaGrants(new NodeId("b", 1), [grant]);
        borrower.SetData(later);

        borrower.Receive(grants, now: 0); // it was made before
        Assert.Empty(sent);

        borrower.Receive(grants with { Data = later }, now: 0);
        Assert.Equal(later, Assert.Single(sent).Data);
    }

    [Fact]
    public void SharedQuota_After_its_answer_to_a_new_home_owner_a_node_takes_no_grant_of_the_one_before()
    {
        var node = Nodes[1];
        node.Limiter.OfServiceInstance(1);
        var now = _cluster.Time.GetTimestamp();
        node.Borrower.Receive(Grant(new QuotaStamp(8, 5), heartbeats: 100), now);
        node.Borrower.Receive(
            new QuotaInquiry(Nodes[2].Id, [new QuotaInquiryOfShard(QuotaCluster.Subject.Home, new QuotaStamp(9, 1))]), now);

        node.Borrower.Receive(Grant(new QuotaStamp(8, 6), heartbeats: 300), now); // it was late

        Assert.Equal(100, HeartbeatsOf(node));
    }

    [Fact]
    public void SharedQuota_A_grant_that_is_repeated_after_the_share_was_returned_lends_nothing()
    {
        var node = Nodes[1];
        node.Limiter.OfServiceInstance(1);
        var grant = Grant(new QuotaStamp(9, 5), heartbeats: 300);
        node.Borrower.Receive(grant, _cluster.Time.GetTimestamp());
        _cluster.Skip(Limits.IdleQuotaShare);
        node.Limiter.Sweep();
        Assert.Equal(300, HeartbeatsOf(node));
        node.Borrower.Receive(
            new QuotaGrants(Nodes[0].Id, [new SubjectGrant(QuotaCluster.Subject, new QuotaStamp(9, 6), default, IsRelease: true)]),
            _cluster.Time.GetTimestamp());
        Assert.Equal(0, node.Borrower.SubjectCount);

        node.Limiter.OfServiceInstance(1);
        node.Borrower.Receive(grant, _cluster.Time.GetTimestamp());

        Assert.Equal(1, HeartbeatsOf(node));
    }

    [Fact]
    public void SharedQuota_A_grant_that_is_repeated_brings_its_tokens_once()
    {
        var node = Nodes[1];
        node.Limiter.OfServiceInstance(1);
        var grant = Grant(new QuotaStamp(9, 5), heartbeats: 300, tokens: 50);
        node.Borrower.Receive(grant, _cluster.Time.GetTimestamp());
        var free = FreeHeartbeats(node);

        node.Borrower.Receive(grant, _cluster.Time.GetTimestamp());

        Assert.InRange(free, 50, 100);
        Assert.Equal(free, FreeHeartbeats(node));
    }

    [Fact]
    public void SharedQuota_A_home_that_opens_and_closes_between_two_ticks_asks_nobody()
    {
        List<QuotaMessage> sent = [];
        var lender = new QuotaLender(
            new NodeId("a", 1), QuotaCluster.Whole, QuotaCluster.Whole, (_, message) => sent.Add(message), frequency: 1000);
        lender.SetNodes([Borrower]);
        lender.Tick(now: 0);
        lender.OpenHome(QuotaCluster.Subject.Home, epoch: 5);
        lender.CloseHome(QuotaCluster.Subject.Home);

        lender.Tick(now: 100);

        Assert.Empty(sent);
    }

    [Fact]
    public void SharedQuota_A_node_that_has_not_joined_answers_an_inquiry()
    {
        var asked = new QuotaInquiryOfShard(QuotaCluster.Subject.Home, new QuotaStamp(7, 1));
        List<QuotaMessage> sent = [];
        var borrower = new QuotaBorrower(
            new NodeId("a", 1), QuotaCluster.Whole, QuotaCluster.Whole, _ => null, (_, message) => sent.Add(message), frequency: 1000);

        borrower.Receive(new QuotaInquiry(new NodeId("b", 1), [asked]) { Data = new DataIdentity("server", Timeline: 2) }, now: 0);

        Assert.Equal(asked, Assert.Single(Assert.IsType<QuotaReport>(Assert.Single(sent)).Answers));
    }

    [Fact]
    public void SharedQuota_The_release_of_a_forgotten_share_is_confirmed_after_a_later_one_of_the_same_home()
    {
        var other = OtherSubject();
        List<QuotaMessage> sent = [];
        var borrower = new QuotaBorrower(
            new NodeId("a", 1), QuotaCluster.Whole, QuotaCluster.Whole, _ => null, (_, message) => sent.Add(message), frequency: 1000);
        borrower.Receive(ReleaseOf(other, number: 8), now: 0);
        sent.Clear();

        borrower.Receive(ReleaseOf(QuotaCluster.Subject, number: 7), now: 0); // its confirmation was lost

        var confirmed = Assert.Single(Assert.IsType<QuotaReport>(Assert.Single(sent)).Subjects);
        Assert.Equal(
            (QuotaCluster.Subject, new QuotaStamp(1, 8), default, true),
            (confirmed.Subject, confirmed.Stamp, confirmed.Holds, confirmed.IsIdle));

        static QuotaGrants ReleaseOf(QuotaKey subject, long number) =>
            new(new NodeId("b", 1), [new SubjectGrant(subject, new QuotaStamp(1, number), default, IsRelease: true)]);
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

        borrower.SetData(default);
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
        Assert.All(Nodes[1..], node => Assert.InRange(HeartbeatsOf(node), 100 - (100 / Limits.QuotaShareTolerance), 105));
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
    public void SharedQuota_A_node_that_appears_after_a_move_is_asked_before_its_share_is_lent_again()
    {
        var late = _cluster.Start("late");
        _cluster.Pass(Settled, () => late.Beat(100));
        _cluster.Move(Nodes[1], noticed: TimeSpan.Zero);
        Nodes[1].Lender.SetNodes(Nodes.Where(node => node != late).Select(node => node.Id));
        _cluster.Pass(2 * Limits.Tick);
        _cluster.Check = () => Assert.InRange(Nodes.Sum(HeartbeatsOf), 1, Limit + Nodes.Count);

        Nodes[1].Lender.SetNodes(_cluster.View);
        _cluster.Pass(Settled, () => Nodes[0].Beat(100));

        Assert.InRange(HeartbeatsOf(Nodes[0]), Limit * 9 / 10, Limit);
    }

    [Fact]
    public void SharedQuota_A_home_owner_that_cannot_reach_a_node_lends_without_it_after_5_s()
    {
        var silent = Nodes[2];
        _cluster.Pass(Settled, () => silent.Beat(40));
        var held = HeartbeatsOf(silent);
        _cluster.Cut(Nodes[1], silent); // and the view keeps all
        _cluster.Check = () => Assert.InRange(Nodes.Sum(HeartbeatsOf), 1, Limit + Nodes.Count + held);

        _cluster.Move(Nodes[1], noticed: TimeSpan.Zero);
        _cluster.Pass(Limits.QuotaAnswerWait - Limits.Tick, () => Nodes[0].Beat(10));
        Assert.Equal(1, HeartbeatsOf(Nodes[0]));
        _cluster.Pass(Settled, () => Nodes[0].Beat(10));
        Assert.InRange(HeartbeatsOf(Nodes[0]), Limit * 9 / 10, Limit);
        Assert.Equal(held, HeartbeatsOf(silent));

        _cluster.Heal();
        _cluster.Pass(2 * Settled, () => Nodes[0].Beat(10));
        Assert.InRange(Nodes.Sum(HeartbeatsOf), Limit * 9 / 10, Limit + Nodes.Count);
    }

    [Fact]
    public void SharedQuota_A_silent_node_that_is_gone_from_the_view_is_not_waited_for()
    {
        var silent = Nodes[2];
        _cluster.Cut(Nodes[1], silent);
        _cluster.Move(Nodes[1], noticed: TimeSpan.Zero);
        _cluster.Kill(silent, detection: TimeSpan.FromSeconds(1));

        _cluster.Pass(Settled, () => Nodes[0].Beat(10));

        Assert.InRange(HeartbeatsOf(Nodes[0]), Limit * 9 / 10, Limit);
    }

    [Fact]
    public void SharedQuota_A_report_that_another_subject_s_overtakes_counts()
    {
        List<QuotaMessage> sent = [];
        var lender = OpenLender(sent);
        var (first, second) = (QuotaCluster.Subject, OtherSubject());

        lender.Receive(FirstReport(number: 3, second), now: 0);
        lender.Receive(FirstReport(number: 2, first), now: 0);

        var granted = sent.OfType<QuotaGrants>().SelectMany(grants => grants.Subjects).ToList();
        Assert.Equal([second, first], granted.Select(grant => grant.Subject));
    }

    [Fact]
    public void SharedQuota_An_earlier_report_of_a_subject_that_arrives_late_changes_nothing()
    {
        List<QuotaMessage> sent = [];
        var lender = OpenLender(sent);
        lender.Receive(FirstReport(number: 2, QuotaCluster.Subject), now: 0);
        var grant = Assert.Single(Assert.IsType<QuotaGrants>(Assert.Single(sent)).Subjects);
        var confirmed = ReportOf(QuotaCluster.Subject) with { Stamp = grant.Stamp, Holds = grant.Amounts };
        lender.Receive(new QuotaReport(Borrower, Number: 5, [confirmed], []), now: 0);
        sent.Clear();

        lender.Receive(new QuotaReport(Borrower, Number: 4, [confirmed with { IsIdle = true }], []), now: 0);

        Assert.Empty(sent);
    }

    [Fact]
    public void SharedQuota_The_first_grant_that_was_lost_is_repeated_when_the_node_reports_again()
    {
        List<QuotaMessage> sent = [];
        var lender = OpenLender(sent);
        lender.Receive(FirstReport(number: 2, QuotaCluster.Subject), now: 0);
        var lost = Assert.IsType<QuotaGrants>(Assert.Single(sent));

        lender.Receive(FirstReport(number: 3, QuotaCluster.Subject), now: 20); // it may have crossed the grant
        Assert.Single(sent);
        lender.Receive(FirstReport(number: 4, QuotaCluster.Subject), now: 100);

        Assert.Equal(2, sent.Count);
        Assert.Equal(lost.Subjects, Assert.IsType<QuotaGrants>(sent[1]).Subjects);
    }

    [Fact]
    public void SharedQuota_A_first_share_comes_within_moments_although_a_message_is_lost()
    {
        _cluster.Pass(TimeSpan.FromSeconds(1.05)); // the next regular report is almost a second away
        _cluster.Cut(Nodes[0], Nodes[1]);
        Nodes[1].Beat(1);
        _cluster.Pass(TimeSpan.FromMilliseconds(50));
        _cluster.Heal();

        _cluster.Pass(3 * Limits.Tick);

        Assert.Equal(Limit, HeartbeatsOf(Nodes[1]));
    }

    [Fact]
    public void SharedQuota_Reports_of_a_subject_without_a_share_are_repeated_for_a_second_and_then_as_others()
    {
        List<QuotaMessage> sent = [];
        var borrower = new QuotaBorrower(
            new NodeId("a", 1), QuotaCluster.Whole, QuotaCluster.Whole, _ => new NodeId("b", 1), (_, message) => sent.Add(message),
            frequency: 1000);
        borrower.Tick(now: 0);
        using var world = new QuotaWorld();
        borrower.Attach(world.Service, now: 10);

        for (var now = 20; now <= 5000; now += 10)
            borrower.Tick(now);

        Assert.InRange(sent.Count, 5 + 9, 5 + 11);
    }

    [Fact]
    public void SharedQuota_Homes_that_open_one_after_the_other_each_ask_once()
    {
        const int Homes = 50;
        List<QuotaMessage> sent = [];
        var lender = new QuotaLender(
            new NodeId("a", 1), QuotaCluster.Whole, QuotaCluster.Whole, (_, message) => sent.Add(message), frequency: 1000);
        lender.SetNodes([new NodeId("b", 1)]);
        lender.Tick(now: 0);

        for (var home = 0; home < Homes; home++)
        {
            lender.OpenHome(new Shard(home), epoch: 5);
            lender.Tick(now: home);
        }

        Assert.Equal(
            Enumerable.Range(0, Homes).Select(home => new Shard(home)),
            sent.Cast<QuotaInquiry>().SelectMany(inquiry => inquiry.Shards).Select(asked => asked.Shard));
    }

    [Fact]
    public void SharedQuota_A_node_that_answered_before_it_joined_takes_no_grant_of_an_earlier_home_owner()
    {
        var data = new DataIdentity("server", Timeline: 2);
        List<QuotaMessage> sent = [];
        var borrower = new QuotaBorrower(
            new NodeId("a", 1), QuotaCluster.Whole, QuotaCluster.Whole, _ => null, (_, message) => sent.Add(message), frequency: 1000);
        var asked = new QuotaInquiryOfShard(QuotaCluster.Subject.Home, new QuotaStamp(7, 1));
        borrower.Receive(new QuotaInquiry(new NodeId("c", 1), [asked]) { Data = data }, now: 0);
        Assert.Equal(asked, Assert.Single(Assert.IsType<QuotaReport>(Assert.Single(sent)).Answers));
        borrower.SetData(data);
        using var world = new QuotaWorld();
        borrower.Attach(world.Service, now: 0);

        borrower.Receive(GrantsOf(epoch: 5), now: 0);
        Assert.Equal(1, borrower.ShareOf(QuotaCluster.Subject).HeartbeatsPerSecond);
        borrower.Receive(GrantsOf(epoch: 7), now: 0);
        Assert.Equal(9, borrower.ShareOf(QuotaCluster.Subject).HeartbeatsPerSecond);

        QuotaGrants GrantsOf(long epoch) => new(new NodeId("b", 1), [new SubjectGrant(
            QuotaCluster.Subject, new QuotaStamp(epoch, 9), default(QuotaAmounts) with { HeartbeatsPerSecond = 9 }, IsRelease: false)])
        {
            Data = data,
        };
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
        _cluster.Pass(Settled);
        _cluster.Skip(Limits.IdleQuotaShare);
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

    /// <summary>Waits for the share as a call does, and charges heartbeats.</summary>
    private async Task<int> BeatSharedAsync(QuotaCluster.Node node, int count)
    {
        await ShareAsync(node);
        return node.Beat(count);
    }

    /// <summary>Lets time pass until the node has its first share.</summary>
    private async Task ShareAsync(QuotaCluster.Node node)
    {
        var counters = node.Limiter.OfServiceInstance(1);
        var share = node.Limiter.WaitForShareAsync(counters, caller: null, default).AsTask();
        for (var i = 0; i < 10 && counters.Demand!.FirstShare is not null; i++)
            _cluster.Pass(TimeSpan.FromMilliseconds(10));
        Assert.Null(counters.Demand!.FirstShare);
        await share.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    /// <summary>Returns a home owner of the subject whose only borrower has answered that it holds nothing.</summary>
    private static QuotaLender OpenLender(List<QuotaMessage> sent)
    {
        var lender = new QuotaLender(
            new NodeId("a", 1), QuotaCluster.Whole, QuotaCluster.Whole, (_, message) => sent.Add(message), frequency: 1000);
        lender.SetNodes([Borrower]);
        lender.OpenHome(QuotaCluster.Subject.Home, epoch: 5);
        lender.Tick(now: 0);
        lender.Receive(new QuotaReport(Borrower, Number: 1, [], Assert.IsType<QuotaInquiry>(Assert.Single(sent)).Shards), now: 0);
        lender.Tick(now: 0);
        sent.Clear();
        return lender;
    }

    private static NodeId Borrower { get; } = new("b", 1);

    private static QuotaReport FirstReport(long number, QuotaKey subject) => new(Borrower, number, [ReportOf(subject)], []);

    private static SubjectReport ReportOf(QuotaKey subject) => new(subject, default, Holds: default, Demand: default, IsIdle: false);

    private QuotaGrants Grant(QuotaStamp stamp, int heartbeats, int tokens = 0)
    {
        var lent = QuotaAmounts.Create(quota => quota == Quota.HeartbeatsPerSecond ? heartbeats : 0);
        var brought = QuotaAmounts.Create(quota => quota == Quota.HeartbeatsPerSecond ? tokens : 0);
        return new QuotaGrants(Nodes[0].Id, [new SubjectGrant(QuotaCluster.Subject, stamp, lent, IsRelease: false, brought)]);
    }

    /// <summary>Returns another subject with the same home.</summary>
    private static QuotaKey OtherSubject() =>
        Enumerable.Range(2, 100_000).Select(key => QuotaKey.Of(key)).First(subject => subject.Home == QuotaCluster.Subject.Home);

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
