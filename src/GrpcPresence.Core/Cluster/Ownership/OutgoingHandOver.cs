using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Cluster.Ownership;

/// <summary>A shard that this node gives to another one. Used only by the loop of the node.</summary>
/// <remarks>
/// <list type="number">
/// <item>Settle: the shard is sealed. What was decided before is committed, and what the tracker has queued is written.</item>
/// <item>Send: the users go over the link, a bounded number at once. The receiver confirms each page, and says when it has all
/// users.</item>
/// <item>Switch: a commit gives the shard to the receiver. Only then this node forgets the users.</item>
/// </list>
/// Until the switch is submitted, the hand-over can be given up at any time, and the shard is open again. Once the writer has decided a
/// switch, the hand-over goes on until its outcome is known, even if the store is away for long: nobody else can know whether the receiver
/// has the shard.
/// </remarks>
internal sealed class OutgoingHandOver
{
    /// <summary>Users of one item: some tens of KiB.</summary>
    private const int PageSize = 100;

    private readonly SealedShard _seal;
    private readonly long _id;
    private readonly CommandQueue _queue;
    private readonly SendItem _send;
    private Task _barrier;
    private SwitchShards? _switch; // the last one; null before the first
    private Task<SwitchOutcome>? _switching;
    private bool _mayBeSwitched;
    private bool _hasBegun; // the beginning was sent
    private bool _isSent;
    private int _next; // where the next page begins
    private int _sent; // users
    private int _received; // users that the receiver has confirmed
    private TimeSpan _progressAt;

    public OutgoingHandOver(SealedShard seal, long id, KnownHolder holder, NodeId to, CommandQueue queue, SendItem send, TimeSpan now)
    {
        (_seal, _id, Holder, To, _queue, _send, _progressAt) = (seal, id, holder, to, queue, send, now);
        _barrier = _queue.SubmitAsync(new Barrier());
    }

    /// <summary>The shard.</summary>
    public Shard Shard => _seal.Shard;

    /// <summary>This node, and the epoch under which it holds the shard.</summary>
    public KnownHolder Holder { get; }

    /// <summary>The receiver.</summary>
    public NodeId To { get; }

    /// <summary>Whether the receiver has all users.</summary>
    public bool IsAccepted { get; private set; }

    /// <summary>Whether nothing of the shard is left to be written.</summary>
    public bool HasSettled { get; private set; }

    /// <summary>How far it is.</summary>
    public HandOverStage Stage =>
        _switching is not null ? HandOverStage.Switching : _hasBegun ? HandOverStage.Sending : HandOverStage.Settling;

    /// <summary>The receiver has said how many users it has, or that it has all.</summary>
    public void Receive(NodeId from, HandOverItem item, TimeSpan now)
    {
        if (from != To || item.Id != _id || IsAccepted)
            return;
        if (item is HandOverReceived page)
            _received = Math.Max(_received, page.Users);
        IsAccepted = item is HandOverAccepted;
        _progressAt = now;
    }

    /// <summary>Does what is due.</summary>
    /// <param name="now">The time of the clock of this node.</param>
    /// <param name="isReceiverAlive">Whether the receiver is in the view.</param>
    /// <param name="epoch">The epoch under which the receiver holds the shard, if it was switched.</param>
    public HandOverState Advance(TimeSpan now, bool isReceiverAlive, out long epoch)
    {
        epoch = 0;
        if (_switching is { } switching)
            return switching.IsCompleted ? Conclude(switching, now, out epoch) : HandOverState.Going;
        if (!isReceiverAlive || now - _progressAt >= Limits.OwnerWait)
            return GiveUp(now);
        if (!HasSettled && !(HasSettled = IsSettled()))
            return HandOverState.Going;
        if (!_isSent && !TrySend(now))
            return GiveUp(now);
        if (IsAccepted)
            Submit();
        return HandOverState.Going;
    }

    /// <summary>Tells the receiver that it holds the shard. The poll would show it as well, but later.</summary>
    public void SendDone(KnownHolder receiver, TimeSpan now) =>
        _send(To, new HandOverDone(_id, Shard, receiver), now + Limits.ForwardedCall);

    /// <summary>
    /// Gives the hand-over up because the data is other data by now. Returns whether the shard is open again: not if the receiver may have
    /// it, in the data of before.
    /// </summary>
    public bool TryGiveUp()
    {
        if (_switching is not null)
            return false;
        _seal.Reopen();
        return true;
    }

    private HandOverState Conclude(Task<SwitchOutcome> switching, TimeSpan now, out long epoch)
    {
        epoch = 0;
        if (switching.IsCompletedSuccessfully)
        {
            epoch = switching.Result.Epoch;
            switch (switching.Result.State)
            {
                case SwitchState.Switched:
                    return HandOverState.Switched;
                case SwitchState.ReceiverGone:
                    return GiveUp(now);
                default:
                    Submit();
                    return HandOverState.Going;
            }
        }
        if (switching.Exception?.InnerException is ShardMovedException)
            return HandOverState.Lost;
        // The store failed, so a switch that was decided may have happened. If it did, the next one finds the shard lost.
        _mayBeSwitched |= _switch!.WasDecided;
        if (!_mayBeSwitched)
            return GiveUp(now);
        Submit();
        return HandOverState.Going;
    }

    private bool IsSettled()
    {
        if (!_barrier.IsCompleted)
            return false;
        if (!_barrier.IsCompletedSuccessfully)
        {
            _barrier = _queue.SubmitAsync(new Barrier());
            return false;
        }
        return _seal.IsSettled();
    }

    /// <summary>Sends as much as may be on the way. Returns false if something cannot be sent.</summary>
    private bool TrySend(TimeSpan now)
    {
        var deadline = now + Limits.ForwardedCall;
        if (!_hasBegun)
        {
            if (!_send(To, new HandOverBegin(_id, Shard, Holder, _seal.Start()), deadline))
                return false;
            (_hasBegun, _progressAt) = (true, now);
        }
        while (_sent - _received < Limits.HandOverWindow)
        {
            var page = _seal.ListUsers(ref _next, PageSize);
            _sent += page.Count;
            _isSent = page.Count == 0;
            if (!_send(To, _isSent ? new HandOverEnd(_id, Shard, _sent) : new HandOverPage(_id, Shard, [.. page]), deadline))
                return false;
            if (_isSent)
                break;
        }
        return true;
    }

    private void Submit()
    {
        _switch = new SwitchShards(_queue, [new ShardSwitch(Shard, Holder.Epoch, To)]);
        _switching = _queue.SubmitAsync(_switch);
    }

    private HandOverState GiveUp(TimeSpan now)
    {
        _seal.Reopen();
        if (_hasBegun)
            _send(To, new HandOverGivenUp(_id, Shard), now + Limits.ForwardedCall);
        return HandOverState.GivenUp;
    }
}

/// <summary>The state of an <see cref="OutgoingHandOver"/>.</summary>
internal enum HandOverState
{
    /// <summary>It goes on.</summary>
    Going,

    /// <summary>The receiver holds the shard.</summary>
    Switched,

    /// <summary>This node holds the shard, and it is open again.</summary>
    GivenUp,

    /// <summary>This node does not hold the shard any more. The store shows who does.</summary>
    Lost,
}
