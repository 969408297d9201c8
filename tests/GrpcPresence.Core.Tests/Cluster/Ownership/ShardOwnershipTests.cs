using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Ownership;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Presence.HandOver;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Cluster;

using ClusterNode = GrpcPresence.Core.Tests.Fixture.ClusterNode;

namespace GrpcPresence.Core.Tests.Cluster.Ownership;

/// <summary>Which shards a node claims, opens, hands over and closes. The test is the other nodes, and runs the writer.</summary>
public sealed class ShardOwnershipTests : IAsyncLifetime
{
    private static readonly NodeId A = new("a", 1);
    private static readonly NodeId B = new("b", 1);
    private static readonly NodeId C = new("c", 1);
    private static readonly ImmutableArray<Shard> All = [.. Enumerable.Range(0, Shard.Count).Select(number => new Shard(number))];
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(1);

    private readonly InMemoryPresenceStore _data = new();
    private readonly ShardGates _gates = new();
    private readonly ShardTable _table = new();
    private readonly World _world;
    private readonly ShardOwnership _ownership;
    private readonly List<(NodeId To, HandOverItem Item)> _sent = [];
    private ClusterView _view = new(1, [A]);
    private bool _mayMove = true;
    private bool _mayTakeOver = true;
    private Func<Shard, bool> _isDrained = static _ => true;
    private TimeSpan _now = TimeSpan.FromSeconds(10);
    private NodeId? _cannotReach; // the link to it is full

    public ShardOwnershipTests()
    {
        _world = new World(_data.OpenNode(), gates: _gates, fence: new ShardFence(A, _gates));
        _world.Tracker.Resume(default);
        _world.Tracker.Start();
        var shards = _world.Tracker.Shards!;
        var loader = new ShardLoader(_world.Store, _world.Services, shards, static () => { });
        var reconciliation = new ShardReconciliation(A, _table, _gates);
        _ownership = new ShardOwnership(
            A,
            _table,
            _gates,
            reconciliation,
            new ShardOpenings(A, reconciliation, _table, shards, loader, Send),
            new OutgoingHandOvers(reconciliation, _table, _gates, shards, _world.Queue, Send, shard => _isDrained(shard)),
            new FinalClose(shards, _gates, _world.Queue));
    }

    private DataIdentity Data => _data.Image.Cluster.Identity;

    private IEnumerable<HandOverBegin> Begun => _sent.Select(sent => sent.Item).OfType<HandOverBegin>();

    public async ValueTask InitializeAsync()
    {
        await _world.Store.JoinAsync(A, default);
        foreach (var node in new[] { B, C })
            await _data.OpenNode().JoinAsync(node, default);
        _table.Reset(Data, []);
        _gates.SetData(Data);
    }

    public ValueTask DisposeAsync()
    {
        _world.Dispose();
        _data.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void A_node_claims_the_shards_without_a_holder_of_which_it_is_the_target()
    {
        Show([A, B]);
        var targets = ShardTargets.Of(_view);
        var own = All.Where(shard => targets[shard] == A).ToArray();
        _table.Update(own[0], new KnownHolder(C, 1, Data));

        Tick();

        Assert.Equal(own[1..], _ownership.ToClaim);
        Assert.False(_ownership.IsReady);
    }

    [Fact]
    public async Task OneHolder_a_shard_is_taken_over_only_when_no_node_answers_any_more_by_earlier_data()
    {
        _mayTakeOver = false;
        await ClaimAsync();
        Pass(TimeSpan.FromSeconds(1));
        Pass(TimeSpan.FromSeconds(1));
        Assert.Empty(Open());
        Assert.False(_ownership.IsReady);

        _mayTakeOver = true;
        OpenLoaded();

        Assert.Equal(All, Open());
        Assert.True(_ownership.IsReady);
    }

    [Fact]
    public async Task A_take_over_reads_eight_shards_at_a_time()
    {
        var faults = _world.Store.ClusterFaults;
        faults.Hold(ClusterCall.List);
        await ClaimAsync();
        Pass(Moment);
        Assert.Equal(8, faults.Held);

        for (var turn = 0; turn < 300 && Open().Count() < Shard.Count; turn++)
        {
            for (var held = faults.Held; held > 0; held--)
                faults.Release(0);
            Pass(Moment);
            Assert.InRange(faults.Held, 0, 8);
        }

        Assert.Equal(All, Open());
    }

    [Fact]
    public async Task A_step_opens_a_limited_number_of_shards_and_asks_for_the_next_step()
    {
        await ClaimAsync();
        var steps = 0;
        for (var open = 0; open < Shard.Count; steps++)
        {
            Pass(Moment);
            Assert.InRange(Open().Count(), open, open + Limits.ShardsPerStep);
            Assert.True(_ownership.HasMore || _ownership.IsReady);
            open = Open().Count();
        }

        Assert.InRange(steps, Shard.Count / Limits.ShardsPerStep, 20);
        Pass(Moment);
        Assert.False(_ownership.HasMore);
    }

    [Fact]
    public async Task A_step_opens_no_further_shard_after_2000_users()
    {
        var service = await NewServiceAsync();
        var moved = All[..3].ToDictionary(shard => shard, _ => new List<Identity>());
        for (var number = 0; moved.Values.Any(users => users.Count < 1_100); number++)
        {
            var user = Identity.FromTrusted($"user{number}");
            if (moved.TryGetValue(Shard.Of(service.Sid, user), out var users))
                users.Add(user);
        }
        var held = _table[All[0]].Epoch + 1;
        foreach (var shard in moved.Keys)
            _table.Update(shard, new KnownHolder(B, held, Data));
        Tick();
        foreach (var (shard, users) in moved)
        {
            _ownership.Receive(B, new HandOverBegin(1, shard, new KnownHolder(B, held, Data), new HandOverStart(default, [])), _now);
            _ownership.Receive(
                B,
                new HandOverPage(1, shard, [.. users.Select(user => new HandedUser
                {
                    Service = service.Sid,
                    ServiceId = service.Id,
                    Identity = user,
                    Sessions = [new HandedSession(World.Session("s"), TimeSpan.FromMinutes(1), TimeSpan.Zero, Stream: null)],
                })]),
                _now);
            _ownership.Receive(B, new HandOverEnd(1, shard, users.Count), _now);
            _ownership.Receive(B, new HandOverDone(1, shard, new KnownHolder(A, held + 1, Data)), _now);
        }
        Pass(Moment); // loads them

        Pass(Moment);
        Assert.Equal(2, moved.Keys.Count(_gates.IsOpen));
        Assert.True(_ownership.HasMore);
        Pass(Moment);
        Assert.Equal(3, moved.Keys.Count(_gates.IsOpen));
    }

    [Fact]
    public async Task A_node_that_takes_a_shard_over_keeps_what_the_dead_holder_had_handed_over()
    {
        var service = await NewServiceAsync();
        await _world.Online(service, "ada"); // under another session
        var (shard, epoch) = (ClusterNode.ShardOf(service.Sid, "ada"), _table[All[0]].Epoch + 1);
        HandOverAda(service, epoch);

        _table.Update(shard, new KnownHolder(null, epoch + 1, Data)); // evicted before the switch
        Tick();
        _table.Update(shard, new KnownHolder(A, epoch + 2, Data));
        for (var turn = 0; turn < 3; turn++)
            Pass(TimeSpan.FromMilliseconds(500));

        Assert.True(_gates.IsOpen(shard));
        var sessions = _world.Tracker.ListSessions(service, new UserRef(World.Id("ada"), Sid: null, MayCreate: false)).Sessions;
        Assert.Equal(World.Session("s"), Assert.Single(sessions).Id);
    }

    [Fact]
    public async Task A_load_that_fails_keeps_what_was_handed_over()
    {
        var service = await NewServiceAsync();
        var (shard, epoch) = (ClusterNode.ShardOf(service.Sid, "ada"), _table[All[0]].Epoch + 1);
        HandOverAda(service, epoch);
        _mayTakeOver = false;
        _world.Services.Reset(); // so that the load reads the service instance
        _world.Store.Faults.FailReads(true);

        _ownership.Receive(B, new HandOverDone(1, shard, new KnownHolder(A, epoch + 1, Data)), _now);
        Pass(Moment);
        Pass(Moment);
        Assert.False(_gates.IsOpen(shard));
        _world.Store.Faults.Clear();
        for (var turn = 0; turn < 3; turn++)
            Pass(TimeSpan.FromMilliseconds(500));

        Assert.True(_gates.IsOpen(shard));
        Assert.Equal(1, _world.Tracker.Shards!.CountUsers(shard));
    }

    [Theory]
    [InlineData(1, 5)] // a later service instance has its SID
    [InlineData(99, 7)]
    public async Task Live_a_shard_opens_without_the_users_of_a_service_instance_that_was_deleted_while_it_moved(int sid, long id)
    {
        Assert.NotEqual((1, 5), (1, (await NewServiceAsync()).Id));
        var (shard, epoch) = (All[3], _table[All[3]].Epoch + 1);
        var holder = new KnownHolder(B, epoch, Data);
        _table.Update(shard, holder);
        Tick();
        _ownership.Receive(B, new HandOverBegin(1, shard, holder, new HandOverStart(default, [])), _now);
        _ownership.Receive(
            B,
            new HandOverPage(1, shard, [new HandedUser
            {
                Service = new ServiceSid((UInt128)sid),
                ServiceId = id,
                Identity = Identity.FromTrusted("ada"),
                Sessions = [new HandedSession(World.Session("s"), TimeSpan.FromMinutes(1), TimeSpan.Zero, Stream: null)],
            }]),
            _now);
        _ownership.Receive(B, new HandOverEnd(1, shard, Users: 1), _now);

        _ownership.Receive(B, new HandOverDone(1, shard, new KnownHolder(A, epoch + 1, Data)), _now);
        for (var turn = 0; turn < 3; turn++)
            Pass(Moment);

        Assert.True(_gates.IsOpen(shard));
        Assert.Equal(0, _world.Tracker.Shards!.CountUsers(shard));
    }

    [Fact]
    public async Task OneTimeline_a_load_that_lost_commits_made_useless_stops()
    {
        var shard = await BeginToLoadAdaAsync();
        var reads = _world.Store.ClusterFaults.CountOf(ClusterCall.List);
        var other = Data with { Timeline = Data.Timeline + 1 };
        _table.Reset(other, []);

        _ownership.ResetForNewData(other, mayHaveLost: false);
        _world.Store.ClusterFaults.Clear();
        Pass(Moment);

        Assert.Equal(reads, _world.Store.ClusterFaults.CountOf(ClusterCall.List));
        Assert.Equal(0, _world.Tracker.Shards!.CountUsers(shard));
    }

    [Fact]
    public async Task A_load_that_nothing_has_stopped_finds_the_users()
    {
        var shard = await BeginToLoadAdaAsync();

        _world.Store.ClusterFaults.Clear();
        Pass(Moment);

        Assert.True(_gates.IsOpen(shard));
        Assert.Equal(1, _world.Tracker.Shards!.CountUsers(shard));
    }

    [Fact]
    public async Task OneHolder_a_shard_that_the_writer_has_lost_before_its_seal_is_not_handed_over()
    {
        await OpenAllAsync();
        var lost = new List<Shard>();
        _isDrained = shard =>
        {
            if (lost.Count == 0)
            {
                lost.Add(shard);
                _gates.Lose(shard, _gates[shard].Epoch, Data); // by a commit at this moment
            }
            return true;
        };

        Show([A, B]);
        Tick();
        SettleAndSend();

        Assert.Equal(ShardGateState.Closed, _gates[lost[0]].State);
        Assert.DoesNotContain(Begun, begin => begin.Shard == lost[0]);
        Assert.NotEmpty(Begun);
    }

    [Fact]
    public async Task Eight_shards_move_at_once_and_to_one_receiver_at_a_time()
    {
        await OpenAllAsync();

        Show([A, B, C]);
        Tick();
        SettleAndSend();

        Assert.Equal(Limits.HandOversAtOnce, Begun.Count());
        Assert.All(_sent, sent => Assert.Equal(B, sent.To));
        Assert.Equal(Shard.Count - Limits.HandOversAtOnce, Open().Count());
    }

    [Fact]
    public async Task A_shard_that_is_being_drained_counts_as_one_that_moves()
    {
        HashSet<Shard> draining = [];
        _isDrained = shard =>
        {
            draining.Add(shard);
            return false;
        };
        await OpenAllAsync();

        Show([A, B]);
        Tick();
        Pass(Moment);

        Assert.Equal(Limits.HandOversAtOnce, draining.Count);
        Assert.Equal(All, Open());
    }

    [Fact]
    public async Task No_shard_moves_while_the_store_does_not_answer()
    {
        await OpenAllAsync();
        _mayMove = false;

        Show([A, B]);
        Pass(TimeSpan.FromSeconds(1));

        Assert.Equal(All, Open());
    }

    [Fact]
    public async Task A_hand_over_without_progress_for_500_ms_is_given_up_and_the_shard_is_open_again()
    {
        await BeginAsync();

        Pass(TimeSpan.FromMilliseconds(500) - Moment);
        Assert.Equal(Shard.Count - Limits.HandOversAtOnce, Open().Count());
        _mayMove = false; // or the next ones begin
        Pass(Moment);

        Assert.Equal(All, Open());
        Assert.All(_data.Image.Cluster.Shards.Values, held => Assert.Equal(A, held.Node));
    }

    [Fact]
    public async Task A_receiver_has_500_ms_from_when_the_shard_has_settled()
    {
        await OpenAllAsync();
        Show([A, B]);
        Tick();
        Pass(TimeSpan.FromMilliseconds(400));
        SettleAndSend();

        Pass(TimeSpan.FromMilliseconds(400));

        Assert.DoesNotContain(_sent, sent => sent.Item is HandOverGivenUp);
        Assert.All(Begun, begin => Assert.Equal(ShardGateState.Sealed, _gates[begin.Shard].State));
    }

    [Fact]
    public async Task Durable_nothing_is_sent_before_the_writer_has_completed_what_it_had_decided_before_the_seal()
    {
        await OpenAllAsync();
        Show([A, B]);
        Tick();
        Pass(Moment); // no user has anything to store
        Assert.Empty(Begun);

        _world.Store.Faults.FailAllOperations(true);
        _world.Write();
        Pass(Moment); // the writer has failed, and a commit may be in doubt
        Assert.Empty(Begun);

        _world.Store.Faults.Clear();
        _world.Write();
        Pass(Moment);
        Assert.NotEmpty(Begun);
    }

    [Fact]
    public async Task Live_a_shard_whose_receiver_has_left_the_store_is_open_again()
    {
        await BeginAsync();
        var shard = Begun.First().Shard;
        _mayMove = false;
        await _data.OpenNode().LeaveAsync(B, Data, default); // the view shows it
        Accept(shard);
        Tick();
        _world.Write();
        Tick();

        Assert.True(_gates.IsOpen(shard));
        Assert.Equal(A, HolderOf(shard));
    }

    [Fact]
    public void OneHolder_a_switch_of_lost_data_says_nothing_of_a_hand_over_with_the_same_numbers()
    {
        var shard = All[3];
        _mayTakeOver = false;
        HandOver(shard, id: 1, users: 0);
        _ownership.Receive(B, new HandOverDone(1, shard, new KnownHolder(A, 6, Data)), _now);
        var other = SwitchData(new KnownHolder(C, 5, default), shard);

        _ownership.Receive(C, new HandOverBegin(1, shard, new KnownHolder(C, 5, other), new HandOverStart(default, [])), _now);
        _ownership.Receive(C, new HandOverEnd(1, shard, 0), _now);
        _table.Update(shard, new KnownHolder(A, 6, other)); // c has died, and was evicted
        for (var turn = 0; turn < 4; turn++)
            Pass(TimeSpan.FromMilliseconds(500));

        Assert.Equal(ShardGateState.Closed, _gates[shard].State); // it is taken over, and may not be yet
    }

    [Fact]
    public async Task OneTimeline_nothing_of_a_hand_over_of_lost_data_is_kept()
    {
        var service = await NewServiceAsync();
        await _world.Online(service, "ada"); // under another session
        var (shard, epoch) = (ClusterNode.ShardOf(service.Sid, "ada"), _table[All[0]].Epoch + 1);
        HandOverAda(service, epoch);

        SwitchData(new KnownHolder(A, epoch + 1, default), shard);
        for (var turn = 0; turn < 4; turn++)
            Pass(TimeSpan.FromMilliseconds(500));

        Assert.True(_gates.IsOpen(shard));
        var listed = _world.Tracker.ListSessions(service, new UserRef(World.Id("ada"), Sid: null, MayCreate: false));
        Assert.Empty(listed.Sessions);
    }

    [Fact]
    public async Task A_load_that_is_complete_when_commits_are_lost_is_begun_again()
    {
        var shard = await BeginToLoadAdaAsync();
        _world.Store.ClusterFaults.Clear(); // complete, and no step has opened the shard

        SwitchData(new KnownHolder(A, _table[shard].Epoch, default), shard);
        for (var turn = 0; turn < 3; turn++)
            Pass(Moment);

        Assert.True(_gates.IsOpen(shard));
        Assert.Equal(1, _world.Tracker.Shards!.CountUsers(shard));
    }

    [Fact]
    public async Task A_take_over_reads_the_uptime_that_is_stored_now()
    {
        await OpenAllAsync();
        var stored = new ServerUptime(DateTimeOffset.UnixEpoch.AddDays(20_000), TimeSpan.FromHours(1));
        _data.CommitFromOutside(image => image with { Uptime = stored });

        _table.Update(All[3], new KnownHolder(A, _table[All[3]].Epoch + 1, Data));
        for (var turn = 0; turn < 3; turn++)
            Pass(Moment);

        Assert.Equal(stored, _world.Tracker.Shards!.TrySeal(All[3])!.Start().TakenOver);
    }

    [Fact]
    public async Task Live_a_node_that_leaves_alone_leaves_also_after_the_store_has_failed()
    {
        await OpenAllAsync();
        for (var turn = 0; turn < 20; turn++)
            _ownership.TryCloseAll();
        _world.Store.Faults.FailAllOperations(true);
        _world.Write();
        Assert.False(_ownership.TryCloseAll());

        _world.Store.Faults.Clear();
        _ownership.TryCloseAll();
        _world.Write();

        Assert.True(_ownership.TryCloseAll());
    }

    [Fact]
    public async Task A_large_shard_moves_in_pages_and_each_page_that_arrives_is_progress()
    {
        const int Count = 3_000;
        var service = await NewServiceAsync();
        var shard = All[0];
        var users = Enumerable.Range(0, int.MaxValue).Select(number => $"user{number}")
            .Where(user => ClusterNode.ShardOf(service.Sid, user) == shard).Take(Count);
        foreach (var user in users)
            Assert.Null(_world.Beat(service, user, "s").Rejection);
        _world.Write();
        Show([A, B]);
        var others = ShardTargets.Of(_view);
        Assert.Equal(B, others[shard]);
        Tick();
        SettleAndSend();
        var id = Assert.Single(Begun, begin => begin.Shard == shard).Id;

        Assert.InRange(CountSent(), 1, Limits.HandOverWindow);
        var received = 0;
        for (var turn = 0; turn < 100 && !_sent.Any(sent => sent.Item is HandOverEnd end && end.Shard == shard); turn++)
        {
            var sent = CountSent();
            Assert.InRange(sent - received, 1, Limits.HandOverWindow);
            received = Math.Min(sent, received + 100);
            _ownership.Receive(B, new HandOverReceived(id, shard, received), _now);
            Pass(TimeSpan.FromMilliseconds(400)); // all together take much longer than 500 ms
        }
        Accept(shard);
        Tick();
        _world.Write();

        Assert.Equal(B, HolderOf(shard));

        int CountSent() =>
            _sent.Select(each => each.Item).OfType<HandOverPage>().Where(page => page.Shard == shard).Sum(page => page.Users.Length);
    }

    [Fact]
    public async Task A_hand_over_that_was_given_up_begins_again()
    {
        await BeginAsync();
        var begun = Begun.Select(begin => begin.Shard).ToArray();
        Pass(TimeSpan.FromMilliseconds(500));
        _sent.Clear();

        Pass(Limits.HandOverPause);
        SettleAndSend();

        Assert.Equal(begun.OrderBy(shard => shard.Number), Begun.Select(begin => begin.Shard).OrderBy(shard => shard.Number));
    }

    [Fact]
    public async Task A_receiver_that_cannot_be_reached_keeps_no_other_one_waiting()
    {
        await OpenAllAsync();
        Show([A, B, C]);
        Tick();
        SettleAndSend();
        AssertAllSentTo(B);

        _sent.Clear();
        Pass(TimeSpan.FromMilliseconds(500));
        SettleAndSend();
        AssertAllSentTo(C);

        _sent.Clear();
        Pass(TimeSpan.FromMilliseconds(500));
        Pass(TimeSpan.FromMilliseconds(500));
        SettleAndSend();
        AssertAllSentTo(B);

        void AssertAllSentTo(NodeId receiver)
        {
            var begun = _sent.Where(sent => sent.Item is HandOverBegin).ToArray();
            Assert.NotEmpty(begun);
            Assert.All(begun, sent => Assert.Equal(receiver, sent.To));
        }
    }

    [Fact]
    public async Task A_receiver_to_which_nothing_can_be_sent_keeps_no_other_one_waiting()
    {
        await OpenAllAsync();
        Show([A, B, C]);
        _cannotReach = B;
        Tick();
        SettleAndSend();

        SettleAndSend();

        Assert.NotEmpty(Begun);
        Assert.All(_sent, sent => Assert.Equal(C, sent.To));
    }

    [Fact]
    public async Task A_receiver_that_dies_before_its_shard_has_settled_keeps_no_other_one_waiting()
    {
        await OpenAllAsync();
        Show([A, B, C]);
        Tick();
        Show([A, C]);
        Tick();
        Tick();
        SettleAndSend();

        Assert.NotEmpty(Begun);
        Assert.All(_sent, sent => Assert.Equal(C, sent.To));
    }

    [Fact]
    public async Task A_slow_writer_lets_all_hand_overs_pause()
    {
        await OpenAllAsync();
        Show([A, B, C]);
        Tick();
        Assert.NotEqual(All, Open());

        Pass(TimeSpan.FromMilliseconds(500)); // the writer has written nothing
        Assert.Equal(All, Open());
        Pass(Limits.HandOverPause - Moment);
        Assert.Equal(All, Open());

        Pass(Moment);
        Assert.NotEqual(All, Open());
    }

    [Fact]
    public async Task A_receiver_hears_that_a_hand_over_is_given_up()
    {
        await BeginAsync();
        var begin = Begun.First();

        Pass(TimeSpan.FromMilliseconds(500));

        Assert.Contains(_sent, sent => sent.To == B && sent.Item == new HandOverGivenUp(begin.Id, begin.Shard));
    }

    [Fact]
    public async Task A_node_that_closes_its_last_shards_asks_for_no_step_while_a_switch_is_in_doubt()
    {
        await BeginAsync();
        Accept(Begun.First().Shard);
        Tick();

        Assert.False(_ownership.TryCloseAll());
        Assert.False(_ownership.HasMore);

        Show([A]);
        for (var turn = 0; turn < 3; turn++)
        {
            _world.Write();
            Pass(Moment);
        }
        Assert.False(_ownership.TryCloseAll());
        Assert.True(_ownership.HasMore);
    }

    [Fact]
    public async Task A_shard_whose_receiver_died_is_open_again_at_once()
    {
        await BeginAsync();

        Show([A]);
        Pass(Moment);

        Assert.Equal(All, Open());
        Assert.True(_ownership.IsReady);
    }

    [Fact]
    public async Task NoFalseOffline_a_shard_is_switched_only_when_its_receiver_has_all_of_it()
    {
        await BeginAsync();
        var shard = Begun.First().Shard;
        _ownership.Receive(C, new HandOverAccepted(Begun.First().Id, shard), _now); // not the receiver
        _ownership.Receive(B, new HandOverAccepted(Begun.First().Id + 1, shard), _now); // another hand-over
        Tick();
        _world.Write();
        Assert.Equal(A, HolderOf(shard));

        Accept(shard);
        Tick();
        Assert.Equal(ShardGateState.Sealed, _gates[shard].State); // release comes after the commit
        _world.Write();
        Assert.Equal(B, HolderOf(shard));
        Tick();

        Assert.Equal(ShardGateState.Closed, _gates[shard].State);
        var done = Assert.Single(_sent, sent => sent.Item is HandOverDone);
        Assert.Equal((B, B), (done.To, ((HandOverDone)done.Item).Holder.Node));
    }

    [Fact]
    public async Task OneHolder_a_switch_in_doubt_is_never_given_up()
    {
        await BeginAsync();
        var shard = Begun.First().Shard;
        Accept(shard);
        Tick();
        _world.Store.Faults.FailAllOperations(true); // nobody knows whether the commit happens
        _world.Write();

        Show([A]); // the receiver seems to be gone
        for (var seconds = 0; seconds < 20; seconds++)
        {
            Pass(TimeSpan.FromSeconds(1));
            _world.Write();
            Assert.NotEqual(ShardGateState.Open, _gates[shard].State);
        }

        _world.Store.Faults.Clear();
        for (var turn = 0; turn < 5; turn++)
        {
            _world.Write();
            Pass(Moment);
        }
        Assert.Equal(B, HolderOf(shard));
        Assert.NotEqual(ShardGateState.Open, _gates[shard].State);
    }

    [Fact]
    public async Task StoreAway_a_switch_that_never_reached_the_store_is_given_up()
    {
        await BeginAsync();
        _mayMove = false;
        _world.Store.Faults.FailAllOperations(true);
        var earlier = _world.Queue.SubmitAsync(new CreateServiceInstance(sid: null, ""));
        _world.Write(); // the writer reopens the store before it decides anything
        await Assert.ThrowsAsync<StorageException>(() => earlier);

        foreach (var begin in Begun.ToArray())
            Accept(begin.Shard);
        Tick();
        while (_world.Queue.Count > 0)
            _world.Write(); // fails one of them
        Tick();

        Assert.Equal(All, Open());
    }

    [Fact]
    public async Task OneHolder_a_shard_that_the_store_shows_with_another_node_is_closed()
    {
        await OpenAllAsync();
        var shard = All[3];

        _table.Update(shard, new KnownHolder(B, _table[shard].Epoch + 1, Data));
        Tick();

        Assert.Equal(ShardGateState.Closed, _gates[shard].State);
        Assert.Equal(Shard.Count - 1, Open().Count());
    }

    [Fact]
    public async Task OneHolder_a_shard_with_another_epoch_is_closed_and_loaded_again()
    {
        await OpenAllAsync();
        var shard = All[3];
        var epoch = _table[shard].Epoch + 1;

        _table.Update(shard, new KnownHolder(A, epoch, Data));
        Tick();
        Assert.Equal(ShardGateState.Closed, _gates[shard].State);
        Pass(Moment);
        Pass(Moment);

        Assert.Equal(new ShardGate(ShardGateState.Open, epoch), _gates[shard]);
    }

    [Fact]
    public void A_shard_that_was_handed_over_completely_opens_without_a_take_over()
    {
        var shard = All[3];
        _mayTakeOver = false;
        HandOver(shard, id: 1, users: 0);
        Assert.Equal((B, typeof(HandOverAccepted)), (_sent[0].To, _sent[0].Item.GetType()));

        _ownership.Receive(B, new HandOverDone(1, shard, new KnownHolder(A, 6, Data)), _now);
        Pass(Moment);
        Pass(Moment);

        Assert.Equal(new ShardGate(ShardGateState.Open, 6), _gates[shard]);
    }

    [Theory]
    [InlineData(1, 1)] // a page is missing
    [InlineData(2, 0)] // the holder names another hand-over
    public void NoFalseOffline_a_shard_without_the_hand_over_that_its_holder_named_is_taken_over(int named, int missing)
    {
        var shard = All[3];
        _mayTakeOver = false;
        HandOver(shard, id: 1, users: missing);

        _ownership.Receive(B, new HandOverDone(named, shard, new KnownHolder(A, 6, Data)), _now);
        for (var turn = 0; turn < 4; turn++)
            Pass(TimeSpan.FromMilliseconds(200));
        Assert.Equal(ShardGateState.Closed, _gates[shard].State);

        _mayTakeOver = true;
        Pass(Moment);
        Pass(Moment);
        Assert.Equal(ShardGateState.Open, _gates[shard].State);
    }

    [Fact]
    public void OneHolder_what_a_node_with_other_data_hands_over_is_ignored()
    {
        var shard = All[3];
        var other = Data with { Timeline = 9 };

        _ownership.Receive(B, new HandOverBegin(1, shard, new KnownHolder(B, 5, other), new HandOverStart(default, [])), _now);
        _ownership.Receive(B, new HandOverEnd(1, shard, 0), _now);
        _ownership.Receive(B, new HandOverDone(1, shard, new KnownHolder(A, 6, other)), _now);
        Pass(Moment);

        Assert.Empty(_sent);
        Assert.Null(_table[shard].Node);
        Assert.Equal(ShardGateState.Closed, _gates[shard].State);
    }

    [Fact]
    public async Task OneHolder_a_shard_whose_switch_is_in_doubt_is_not_loaded_over_lost_commits_before_the_outcome_is_known()
    {
        await BeginAsync();
        var shard = Begun.First().Shard;
        Accept(shard);
        Tick(); // submits the switch, which the writer has not written yet
        _mayMove = false;
        _data.Promote(_data.Image); // no commit is lost
        _table.Reset(Data, [.. _data.Image.Cluster.Shards.Values]);

        _ownership.ResetForNewData(Data, mayHaveLost: false);
        for (var turn = 0; turn < 4; turn++)
            Pass(Moment);
        Assert.Equal(ShardGateState.Closed, _gates[shard].State);
        Assert.Equal(All.Except([shard]), Open()); // the other hand-overs were given up

        for (var turn = 0; turn < 4; turn++)
        {
            _world.Write();
            Pass(Moment);
        }
        Assert.Equal(HolderOf(shard) == A, Open().Contains(shard));
    }

    [Fact]
    public async Task A_shard_whose_switch_was_committed_and_lost_opens_again()
    {
        await BeginAsync();
        var shard = Begun.First().Shard;
        Accept(shard);
        Tick(); // submits the switch
        var before = _data.Image;
        _world.Write();
        Assert.Equal(B, HolderOf(shard));
        _mayMove = false;
        _data.Promote(before);
        _table.Reset(Data, [.. _data.Image.Cluster.Shards.Values]);

        _ownership.ResetForNewData(Data, mayHaveLost: false);
        for (var turn = 0; turn < 4; turn++)
            Pass(Moment);

        Assert.Equal(All, Open());
    }

    [Fact]
    public async Task OneHolder_a_node_that_may_have_lost_its_shards_in_other_data_closes_all()
    {
        await OpenAllAsync();
        _mayTakeOver = false;
        var other = Data with { Timeline = Data.Timeline + 1 };
        _table.Reset(other, [.. _data.Image.Cluster.Shards.Values]);

        _ownership.ResetForNewData(other, mayHaveLost: true);
        Pass(Moment);

        Assert.Empty(Open());
    }

    [Fact]
    public async Task A_leaving_node_gives_its_shards_to_the_others_and_is_empty_when_it_has_none()
    {
        await OpenAllAsync();
        Show([A, B]);
        ImmutableHashSet<NodeId> leaving = [A];
        Assert.False(_ownership.IsEmpty);

        for (var turn = 0; turn < 2_000 && !_ownership.IsEmpty; turn++)
        {
            _now += Moment;
            _ownership.Tick(_view, (leaving, 1), (_mayMove, _mayTakeOver), _now);
            _world.Write();
            foreach (var begin in Begun.Where(begin => _gates[begin.Shard].State == ShardGateState.Sealed).ToArray())
                Accept(begin.Shard);
        }

        Assert.True(_ownership.IsEmpty);
        Assert.All(All, shard => Assert.Equal(B, HolderOf(shard)));
        Assert.Empty(_ownership.ToClaim);
    }

    private NodeId? HolderOf(Shard shard) => _data.Image.Cluster.Shards[shard.Number].Node;

    private IEnumerable<Shard> Open() => All.Where(_gates.IsOpen);

    private void Show(ImmutableArray<NodeId> nodes) => _view = new ClusterView(_view.Number + 1, nodes);

    private void Tick() => _ownership.Tick(_view, (ImmutableHashSet<NodeId>.Empty, 0), (_mayMove, _mayTakeOver), _now);

    private void Pass(TimeSpan time)
    {
        _now += time;
        Tick();
    }

    private async Task ClaimAsync()
    {
        Tick();
        foreach (var held in await _world.Store.ClaimAsync(A, Data, _ownership.ToClaim, default))
            _table.Update(held.Shard, new KnownHolder(held.Node, held.Epoch, Data));
    }

    private async Task OpenAllAsync()
    {
        await ClaimAsync();
        OpenLoaded();
        Assert.Equal(All, Open());
    }

    /// <summary>Lets the node load and open what it holds.</summary>
    private void OpenLoaded()
    {
        for (var step = 0; step < 20; step++)
            Pass(Moment);
    }

    private async Task<CachedService> NewServiceAsync()
    {
        await OpenAllAsync();
        var sid = new ServiceSid(1);
        await _world.Do(new CreateServiceInstance(sid, "test"));
        await _world.Switch(sid, on: true);
        return await _world.Services.GetAsync(sid, default);
    }

    /// <summary>Makes the node begin to load ada's shard. She is stored online, and the store does not answer yet.</summary>
    private async Task<Shard> BeginToLoadAdaAsync()
    {
        var service = await NewServiceAsync();
        await _world.Online(service, "ada");
        var shard = ClusterNode.ShardOf(service.Sid, "ada");
        _world.Store.ClusterFaults.Hold(ClusterCall.List);
        _table.Update(shard, new KnownHolder(A, _table[shard].Epoch + 1, Data));
        Tick();
        Tick();
        Assert.Equal(1, _world.Store.ClusterFaults.Held);
        return shard;
    }

    /// <summary>Shows b as the holder of ada's shard, and lets it hand the shard over, without a switch.</summary>
    private void HandOverAda(CachedService service, long epoch)
    {
        var ada = Identity.FromTrusted("ada");
        var (shard, holder) = (Shard.Of(service.Sid, ada), new KnownHolder(B, epoch, Data));
        _table.Update(shard, holder);
        Tick();
        _ownership.Receive(B, new HandOverBegin(1, shard, holder, new HandOverStart(default, [])), _now);
        _ownership.Receive(
            B,
            new HandOverPage(1, shard, [new HandedUser
            {
                Service = service.Sid,
                ServiceId = service.Id,
                Identity = ada,
                Sessions = [new HandedSession(World.Session("s"), TimeSpan.FromMinutes(1), TimeSpan.Zero, Stream: null)],
            }]),
            _now);
        _ownership.Receive(B, new HandOverEnd(1, shard, Users: 1), _now);
    }

    /// <summary>Makes the node learn other data, in which the shard has this holder and the others have none. Returns the data.</summary>
    private DataIdentity SwitchData(KnownHolder holder, Shard shard)
    {
        var other = Data with { Timeline = Data.Timeline + 1 };
        _table.Reset(other, [new ShardHolder(shard, holder.Node, holder.Epoch)]);
        _ownership.ResetForNewData(other, mayHaveLost: false);
        return other;
    }

    /// <summary>Makes b join, and begins to hand over eight shards to it. They are sent, and not accepted.</summary>
    private async Task BeginAsync()
    {
        await OpenAllAsync();
        Show([A, B]);
        Tick();
        SettleAndSend();
        Assert.Equal(Limits.HandOversAtOnce, Begun.Count());
    }

    private void SettleAndSend()
    {
        Assert.Empty(Begun);
        _world.Write();
        Tick();
    }

    private void Accept(Shard shard) =>
        _ownership.Receive(B, new HandOverAccepted(Begun.Last(begin => begin.Shard == shard).Id, shard), _now);

    private void HandOver(Shard shard, long id, int users)
    {
        _table.Update(shard, new KnownHolder(B, 5, Data));
        Tick();
        _ownership.Receive(B, new HandOverBegin(id, shard, new KnownHolder(B, 5, Data), new HandOverStart(default, [])), _now);
        _ownership.Receive(B, new HandOverEnd(id, shard, users), _now);
    }

    private bool Send(NodeId to, LinkItem item, TimeSpan deadline)
    {
        if (to == _cannotReach)
            return false;
        _sent.Add((to, Assert.IsType<HandOverItem>(item, exactMatch: false)));
        return true;
    }
}
