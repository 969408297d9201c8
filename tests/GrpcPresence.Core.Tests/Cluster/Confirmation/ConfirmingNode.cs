using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Confirmation;

/// <summary>
/// One run of a node in the simulation: the protocol, with the part of its caller. It renews, polls and evicts at the store as it is asked
/// to, and stops when it is not confirmed any more.
/// </summary>
internal sealed class ConfirmingNode
{
    /// <summary>How long it waits for the answer to an eviction.</summary>
    public static readonly TimeSpan StoreTimeout = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);

    private readonly NodeClock _clock;
    private readonly IClusterView _view;
    private readonly INodeChannel _channel;
    private readonly List<(Eviction Eviction, TimeSpan Until)> _evictions = [];
    private long _renewal; // the number of the last one
    private TimeSpan _polledAt = TimeSpan.MinValue / 2;

    public ConfirmingNode(IClusterView view, SimulatedNetwork network, TimeProvider time)
    {
        _view = view;
        _clock = new NodeClock(time);
        _channel = network.Attach(view.Self, Receive);
        Protocol = new ConfirmationProtocol(view, _channel, _clock.Now);
        Protocol.Begin(_clock.Now);
        Protocol.SetData(LeaseStore.Data, _clock.Now);
    }

    public NodeId Id => _view.Self;

    public ConfirmationProtocol Protocol { get; }

    public bool IsPaused { get; set; }

    /// <summary>Whether the node sees no views, because it does not reach the store.</summary>
    public bool IsWithoutViews { get; set; }

    /// <summary>Whether the process has ended, or is about to end all streams and stop.</summary>
    public bool HasStopped { get; private set; }

    /// <summary>The renewals since the last one that the store has answered in time.</summary>
    public int UnansweredRenewals { get; private set; }

    /// <summary>When the node does something without a message, in true time.</summary>
    public TimeSpan NextTick { get; set; }

    /// <summary>Whether it would answer a heartbeat now.</summary>
    public bool Answers => !HasStopped && Protocol.IsConfirmed(_clock.Now);

    /// <summary>What the node may do.</summary>
    public ConfirmationState State => Protocol.StateAt(_clock.Now);

    /// <summary>Stops answering, and says to the store that it leaves.</summary>
    public void Leave()
    {
        Protocol.Revoke();
        _channel.Send(LeaseStore.Address, new LeaseStore.Leave());
        HasStopped = true;
    }

    public void Tick()
    {
        var now = _clock.Now;
        if (!_view.Current.Contains(Id))
            Protocol.Revoke();
        if (Protocol.StateAt(now) == ConfirmationState.Lost)
        {
            HasStopped = true;
            return;
        }
        if (Protocol.TryBeginRenewal(now, out var renewal, out _))
        {
            UnansweredRenewals++;
            _renewal = renewal.Number;
            _channel.Send(LeaseStore.Address, new LeaseStore.Renew(renewal));
        }
        if (now - _polledAt >= PollInterval)
        {
            _polledAt = now;
            _channel.Send(LeaseStore.Address, new LeaseStore.Poll());
        }
        Protocol.Tick(now);
        foreach (var (late, _) in _evictions.Where(waiting => now >= waiting.Until).ToArray())
            Complete(late, isOver: false);
        if (Protocol.TryTakeEviction(now, out var eviction))
        {
            _evictions.Add((eviction, now + StoreTimeout));
            _channel.Send(LeaseStore.Address, new LeaseStore.Evict(eviction));
        }
    }

    private void Receive(NodeId from, NodeMessage message)
    {
        if (HasStopped)
            return;
        var now = _clock.Now;
        switch (message)
        {
            case LeaseStore.Renewed renewed:
                UnansweredRenewals = renewed.Number == _renewal ? 0 : UnansweredRenewals;
                Protocol.CompleteRenewal(renewed.Number, LeaseStore.Data, renewed.Members, now);
                break;
            case LeaseStore.NotActive:
                Protocol.Revoke();
                break;
            case LeaseStore.Polled polled:
                Protocol.NoteLeases(polled.Leases, now);
                break;
            case LeaseStore.EvictAnswer answer:
                Complete(answer.Eviction, answer.IsOver);
                break;
            default:
                Protocol.Receive(from, message, now);
                break;
        }
    }

    private void Complete(Eviction eviction, bool isOver)
    {
        _evictions.RemoveAll(waiting => waiting.Eviction == eviction);
        Protocol.CompleteEviction(eviction, isOver);
    }
}
