using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;

namespace GrpcPresence.Core.Tests.Cluster.Routing;

/// <summary>An ingress brings each call to the owner of its shard, and says what became of it.</summary>
public sealed class UserRouterTests : IAsyncLifetime
{
    private static readonly NodeId Self = new("a", 1);
    private static readonly NodeId B = new("b", 1);
    private static readonly NodeId C = new("c", 1);
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(1);

    private readonly ShardGates _gates = new();
    private readonly ShardTable _table = new();
    private readonly World _world;
    private readonly UserRouter _router;
    private readonly List<(NodeId To, CallItem Item)> _sent = [];
    private CachedService _service = null!;
    private ClusterView _view = new(1, [Self, B, C]);
    private bool _isConfirmed = true;
    private readonly List<int> _rowsSpent = [];
    private bool _canSend = true;

    public UserRouterTests()
    {
        _world = new World(gates: _gates);
        _world.Tracker.Resume(default);
        _world.Tracker.Start();
        _router = new UserRouter(
            Self, _table, _gates, _world.Tracker, _world.Tracker.Streams!, new NodeClock(_world.Time), () => _isConfirmed, Send, () => { });
    }

    private Shard AdasShard => Shard.Of(_service.Sid, World.Id("ada"));

    public async ValueTask InitializeAsync() => _service = await _world.NewService();

    public ValueTask DisposeAsync()
    {
        _world.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_call_goes_to_the_holder_of_its_shard_and_its_result_is_that_of_the_holder()
    {
        Hold(B, epoch: 1);

        var call = Write();

        Assert.Equal(B, Assert.Single(_sent).To);
        Assert.False(call.IsCompleted);
        Answer(B, new CallResult.Done(new CallResponse("done"u8.ToArray())));
        Assert.Equal("done"u8.ToArray(), (await call).ToArray());
        Assert.Equal(0, _router.Count);
    }

    [Fact]
    public async Task SharedQuota_The_ingress_charges_the_rows_that_the_owner_read_once()
    {
        Hold(B, epoch: 1);
        var call = Write();
        var read = new CallResult.Done(new CallResponse("done"u8.ToArray(), RowsRead: 7));

        Answer(C, read); // of a node that was not asked
        Assert.Empty(_rowsSpent);
        Answer(B, read);
        await call;
        Answer(B, read); // repeated

        Assert.Equal([7], _rowsSpent);
    }

    [Fact]
    public void An_error_of_the_holder_reaches_the_caller()
    {
        Hold(B, epoch: 1);
        var beat = Beat();

        Answer(B, new CallResult.Failed(CallError.Of(PresenceErrors.SessionEnded())));

        Assert.Equal(ErrorReason.SessionEnded, ReasonOf(beat));
    }

    [Fact]
    public void A_call_without_a_holder_waits_for_500_ms_and_fails_with_the_time_after_which_to_retry()
    {
        var call = Write();

        Pass(TimeSpan.FromMilliseconds(500) - Moment);
        Assert.False(call.IsCompleted);
        Pass(Moment);

        Assert.Equal(ErrorReason.OwnerUnavailable, ReasonOf(call));
        Assert.Equal(Limits.OwnerRetry, ErrorOf(call).RetryAfter);
        Assert.Empty(_sent);
    }

    [Fact]
    public async Task A_link_to_a_former_receiver_that_gives_the_call_up_changes_nothing()
    {
        Hold(B, epoch: 1);
        var call = Write();
        Answer(B, new CallResult.Moved(new KnownHolder(C, 2, default)));

        _router.Drop(B, _sent[0].Item, DroppedItemOutcome.Unknown);
        _router.Drop(B, _sent[0].Item, DroppedItemOutcome.NotSent);
        Pass(Moment);

        Assert.Equal(2, _sent.Count);
        Answer(C, new CallResult.Done(new CallResponse("done"u8.ToArray())));
        Assert.Equal("done"u8.ToArray(), (await call).ToArray());
    }

    [Fact]
    public void A_call_that_waits_goes_to_the_holder_when_one_is_known()
    {
        _ = Write();
        Pass(TimeSpan.FromMilliseconds(499));

        Hold(C, epoch: 1);
        Pass(TimeSpan.Zero);

        Assert.Equal(C, Assert.Single(_sent).To);
    }

    [Fact]
    public void A_call_waits_while_this_node_holds_the_shard_and_has_not_opened_it()
    {
        Hold(Self, epoch: 1);
        _ = Write();
        Assert.Empty(_sent);

        _gates.Set(AdasShard, new ShardGate(ShardGateState.Open, 1));
        Pass(TimeSpan.Zero);

        Assert.Equal(Self, Assert.Single(_sent).To);
    }

    [Fact]
    public void A_receiver_that_names_a_later_holder_sends_the_call_there()
    {
        Hold(B, epoch: 1);
        var call = Write();

        Answer(B, new CallResult.Moved(new KnownHolder(C, 2, default)));

        Assert.Equal([B, C], _sent.Select(sent => sent.To));
        Assert.Equal(C, _table[AdasShard].Node);
        Answer(C, CallResult.Done.Empty);
        Assert.True(call.IsCompletedSuccessfully);
    }

    [Fact]
    public void A_receiver_that_names_no_later_holder_leaves_the_call_waiting_for_500_ms()
    {
        Hold(B, epoch: 1);
        var call = Write();

        Answer(B, new CallResult.Moved(new KnownHolder(Node: null, 1, default)));

        Assert.Single(_sent); // not at once to the same node, which would say the same
        Pass(TimeSpan.Zero);
        Assert.Equal(2, _sent.Count);
        Answer(B, new CallResult.Moved(new KnownHolder(Node: null, 1, default)));
        Pass(TimeSpan.FromMilliseconds(499));
        Answer(B, new CallResult.Moved(new KnownHolder(Node: null, 1, default)));
        Assert.False(call.IsCompleted);
        Pass(Moment);
        Assert.Equal(ErrorReason.OwnerUnavailable, ReasonOf(call)); // also a write: each receiver said that nothing has happened
    }

    [Fact]
    public void A_result_of_a_node_to_which_the_call_was_sent_before_does_not_count()
    {
        Hold(B, epoch: 1);
        var call = Write();
        Answer(B, new CallResult.Moved(new KnownHolder(C, 2, default)));

        Answer(B, CallResult.Done.Empty);

        Assert.False(call.IsCompleted);
        Answer(C, new CallResult.Failed(CallError.Of(PresenceErrors.SessionEnded())));
        Assert.Equal(ErrorReason.SessionEnded, ReasonOf(call));
    }

    [Fact]
    public void OutcomeUnknown_a_write_that_was_sent_and_lost_is_never_sent_again()
    {
        Hold(B, epoch: 1);
        var call = Write();

        _router.Drop(B, _sent[0].Item, DroppedItemOutcome.Unknown);

        Assert.Equal(ErrorReason.OutcomeUnknown, ReasonOf(call));
        Hold(C, epoch: 2);
        Pass(TimeSpan.FromSeconds(1));
        Assert.Single(_sent);
    }

    [Fact]
    public void A_heartbeat_or_an_end_that_was_sent_and_lost_may_be_repeated()
    {
        Hold(B, epoch: 1);
        var beat = Beat();
        var end = _router.EndSession(_service, Ada, World.Session("s"), exists: true);

        _router.Drop(B, _sent[0].Item, DroppedItemOutcome.Unknown);
        _router.Drop(B, _sent[1].Item, DroppedItemOutcome.Unknown);

        Assert.Equal(ErrorReason.OwnerUnavailable, ReasonOf(beat));
        Assert.Equal(ErrorReason.OwnerUnavailable, ReasonOf(end));
    }

    [Fact]
    public void Live_a_heartbeat_without_an_answer_goes_to_the_next_holder_and_a_write_does_not()
    {
        Hold(B, epoch: 1);
        var beat = Beat();
        var write = Write();

        Hold(C, epoch: 2);
        Pass(TimeSpan.Zero);

        Assert.Equal([B, B, C], _sent.Select(sent => sent.To));
        _router.Receive(C, new ResultItem(_sent[0].Item.Call, CallResult.Done.Empty));
        Assert.True(beat.IsCompletedSuccessfully);
        Assert.False(write.IsCompleted);
    }

    [Fact]
    public void A_write_that_the_link_has_not_sent_is_sent_to_the_next_holder()
    {
        Hold(B, epoch: 1);
        var call = Write();

        _router.Drop(B, _sent[0].Item, DroppedItemOutcome.NotSent);
        Hold(C, epoch: 2);
        Pass(TimeSpan.Zero);

        Assert.False(call.IsCompleted);
        Assert.Equal([B, C], _sent.Select(sent => sent.To));
    }

    [Fact]
    public void A_call_that_cannot_be_sent_waits()
    {
        Hold(B, epoch: 1);
        _canSend = false;
        var call = Write();
        Assert.Empty(_sent);

        Pass(TimeSpan.FromMilliseconds(500));

        Assert.Equal(ErrorReason.OwnerUnavailable, ReasonOf(call));
    }

    [Fact]
    public void OutcomeUnknown_a_call_whose_receiver_has_left_the_view_fails_at_once()
    {
        Hold(B, epoch: 1);
        var call = Write();
        var beat = Beat();
        Pass(TimeSpan.FromMilliseconds(10));
        Assert.False(call.IsCompleted);

        _view = new ClusterView(2, [Self, C]);
        Pass(TimeSpan.Zero);

        Assert.Equal(ErrorReason.OutcomeUnknown, ReasonOf(call));
        Assert.Equal(ErrorReason.OwnerUnavailable, ReasonOf(beat));
    }

    [Fact]
    public void OutcomeUnknown_a_write_whose_receiver_has_left_the_view_is_never_sent_to_the_next_holder()
    {
        Hold(B, epoch: 1);
        var call = Write();
        Hold(C, epoch: 2);

        _view = new ClusterView(2, [Self, C]);
        Pass(TimeSpan.Zero);
        Pass(Limits.LinkResend);

        Assert.Equal(B, Assert.Single(_sent).To);
        Assert.Equal(ErrorReason.OutcomeUnknown, ReasonOf(call));
    }

    [Fact]
    public void OutcomeUnknown_a_call_without_an_answer_fails_at_its_deadline()
    {
        Hold(B, epoch: 1);
        var call = Write();

        Pass(Limits.ForwardedCall - Moment);
        Assert.False(call.IsCompleted);
        Pass(Moment);

        Assert.Equal(ErrorReason.OutcomeUnknown, ReasonOf(call));
    }

    [Fact]
    public void A_node_that_ends_fails_its_calls_and_all_later_ones()
    {
        Hold(B, epoch: 1);
        var (call, beat) = (Write(), Beat());
        var waiting = _router.CallAsync(OtherShard, RequestKind.Write, default, _ => { });

        _router.Stop();

        Assert.Equal(ErrorReason.OutcomeUnknown, ReasonOf(call));
        Assert.Equal(ErrorReason.OwnerUnavailable, ReasonOf(beat));
        Assert.Equal(ErrorReason.OwnerUnavailable, ReasonOf(waiting));
        Assert.Equal(ErrorReason.OwnerUnavailable, ReasonOf(Write()));
        Assert.Equal(2, _sent.Count);
    }

    [Fact]
    public void Live_a_heartbeat_that_is_not_stored_when_the_node_stops_fails()
    {
        OpenHere();
        var before = Beat();
        Assert.False(before.IsCompleted);

        _router.Stop();

        Assert.Equal(ErrorReason.OwnerUnavailable, ReasonOf(before));
        Assert.Equal(ErrorReason.OwnerUnavailable, ReasonOf(Beat())); // its call began before the node stopped
    }

    [Fact]
    public void AnsweredCounts_a_heartbeat_from_memory_is_answered_only_while_this_node_is_confirmed()
    {
        OpenHere();
        _ = Beat();
        _world.Write();
        _router.Tick(_view);
        Assert.True(Beat().IsCompletedSuccessfully);

        _isConfirmed = false;

        Assert.Equal(ErrorReason.OwnerUnavailable, ReasonOf(Beat()));
    }

    [Fact]
    public void AnsweredCounts_a_heartbeat_that_was_stored_is_answered_only_while_this_node_is_confirmed()
    {
        OpenHere();
        var beat = Beat();
        Assert.False(beat.IsCompleted);

        _world.Write();
        _isConfirmed = false;
        _router.Tick(_view);

        Assert.Equal(ErrorReason.OwnerUnavailable, ReasonOf(beat));
    }

    [Fact]
    public void AnsweredCounts_a_rejection_is_given_only_while_this_node_is_confirmed()
    {
        OpenHere();
        _ = Beat();
        _world.Write();
        _ = _world.Tracker.EndSession(_service, Ada, World.Session("s"));
        _world.Write();
        Assert.Equal(ErrorReason.SessionEnded, _router.Beat(_service, Ada, World.Session("s"), stream: null).Rejection);

        _isConfirmed = false;

        var unconfirmed = _router.Beat(_service, Ada, World.Session("s"), stream: null);
        Assert.Null(unconfirmed.Rejection);
        Assert.Equal(ErrorReason.OwnerUnavailable, ReasonOf(unconfirmed.Stored));
    }

    [Fact]
    public void A_heartbeat_for_a_sealed_shard_waits_for_the_next_holder()
    {
        OpenHere();
        Hold(Self, epoch: 1);
        _gates.Set(AdasShard, new ShardGate(ShardGateState.Sealed, 1));
        var beat = Beat();
        Assert.Empty(_sent);

        Hold(B, epoch: 2);
        Pass(TimeSpan.Zero);

        Assert.False(beat.IsCompleted);
        Assert.Equal(B, Assert.Single(_sent).To);
    }

    private static UserRef Ada => new(World.Id("ada"), Sid: null, MayCreate: true);

    private Shard OtherShard => new((AdasShard.Number + 1) % Shard.Count);

    private static PresenceException ErrorOf(Task call) => Assert.IsType<PresenceException>(call.Exception?.InnerException);

    private static ErrorReason ReasonOf(Task call) => ErrorOf(call).Reason;

    private void Hold(NodeId node, long epoch) => Assert.True(_table.Update(AdasShard, new KnownHolder(node, epoch, default)));

    private void OpenHere() => _gates.Set(AdasShard, new ShardGate(ShardGateState.Open, 1));

    private Task<ReadOnlyMemory<byte>> Write() => _router.CallAsync(AdasShard, RequestKind.Write, default, _rowsSpent.Add);

    private Task Beat()
    {
        var beat = _router.Beat(_service, Ada, World.Session("s"), stream: null);
        Assert.Null(beat.Rejection);
        return beat.Stored;
    }

    private void Answer(NodeId from, CallResult result) => _router.Receive(from, new ResultItem(_sent[0].Item.Call, result));

    private void Pass(TimeSpan time)
    {
        _world.Time.Advance(time);
        _router.Tick(_view);
    }

    private bool Send(NodeId to, LinkItem item, TimeSpan deadline)
    {
        if (_canSend)
            _sent.Add((to, Assert.IsType<CallItem>(item, exactMatch: false)));
        return _canSend;
    }
}
