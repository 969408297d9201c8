using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;

namespace GrpcPresence.Core.Cluster.Confirmation;

/// <summary>
/// The confirmation of this node, its promises to others, and the evictions that it works on, over a channel. Safe from any thread. The
/// caller asks the store, and passes each answer on.
/// </summary>
public sealed class ConfirmationProtocol
{
    // Guards what follows. The view is read under it, so that no message is handled by an earlier view than the one before: with an earlier
    // view, this node could confirm a peer whose vote it has forgotten. Messages are sent without it.
    private readonly Lock _gate = new();
    private readonly IClusterView _view;
    private readonly INodeChannel _channel;
    private readonly NodeConfirmation _confirmation;
    private readonly PeerPromises _promises;
    private readonly Evictions _evictions;
    private readonly DataAgreement _agreement;
    private DataIdentity _data; // what this node knows; default before its first poll
    private TimeSpan _knownSince;
    private bool _hasMetOtherData;

    /// <summary>Creates the state of a node that has not joined yet.</summary>
    public ConfirmationProtocol(IClusterView view, INodeChannel channel, TimeSpan now)
    {
        _view = view;
        _channel = channel;
        _confirmation = new NodeConfirmation(view.Self);
        _promises = new PeerPromises(now);
        _evictions = new Evictions(view.Self, _promises);
        _agreement = new DataAgreement(view.Self);
    }

    /// <inheritdoc cref="NodeConfirmation.Begin"/>
    public void Begin(TimeSpan now)
    {
        lock (_gate)
            _confirmation.Begin(now);
    }

    /// <inheritdoc cref="NodeConfirmation.IsConfirmed"/>
    public bool IsConfirmed(TimeSpan now) => _confirmation.IsConfirmed(now);

    /// <inheritdoc cref="NodeConfirmation.StateAt"/>
    public ConfirmationState StateAt(TimeSpan now) => _confirmation.StateAt(now);

    /// <inheritdoc cref="NodeConfirmation.TryBeginRenewal"/>
    /// <param name="now">The time.</param>
    /// <param name="renewal">The renewal.</param>
    /// <param name="members">The members at the last renewal that the store acknowledged in time; empty before the first.</param>
    public bool TryBeginRenewal(TimeSpan now, out Renewal renewal, out ImmutableArray<NodeId> members)
    {
        lock (_gate)
        {
            members = _confirmation.Members;
            return _confirmation.TryBeginRenewal(now, out renewal);
        }
    }

    /// <inheritdoc cref="NodeConfirmation.CompleteRenewal"/>
    public void CompleteRenewal(long number, DataIdentity data, ImmutableArray<NodeId> members, TimeSpan now)
    {
        lock (_gate)
        {
            _hasMetOtherData |= data != _data;
            _confirmation.CompleteRenewal(number, data, members, now);
        }
    }

    /// <inheritdoc cref="NodeConfirmation.FailRenewal"/>
    public void FailRenewal(long number)
    {
        lock (_gate)
            _confirmation.FailRenewal(number);
    }

    /// <inheritdoc cref="NodeConfirmation.IsConfirmedThroughout"/>
    public bool IsConfirmedThroughout(TimeSpan now)
    {
        lock (_gate)
            return _confirmation.IsConfirmedThroughout(now);
    }

    /// <summary>
    /// A poll shows other data than this node knew, or the first. The caller has closed every shard that this node does not hold in that
    /// data, because the others may hear at once that this node knows it.
    /// </summary>
    public void SetData(DataIdentity data, TimeSpan now)
    {
        lock (_gate)
        {
            (_data, _knownSince, _hasMetOtherData) = (data, now, false);
            _confirmation.SetData(data);
            _evictions.SetData(data);
            _agreement.Begin(now);
        }
    }

    /// <summary>A poll shows the active nodes of the data that this node knows.</summary>
    public void Note(ImmutableArray<NodeId> members)
    {
        lock (_gate)
            _agreement.Note(members);
    }

    /// <summary>
    /// Whether no node answers any more by earlier data. Until then a shard that this node takes over may still have another holder.
    /// </summary>
    public bool MayTakeOver
    {
        get
        {
            lock (_gate)
                return _agreement.IsComplete;
        }
    }

    /// <summary>
    /// Returns whether the store or a peer has named other data than this node knows since the last call, so that a poll is due.
    /// </summary>
    public bool TakeOtherData()
    {
        lock (_gate)
        {
            var hasMet = _hasMetOtherData;
            _hasMetOtherData = false;
            return hasMet;
        }
    }

    /// <summary>The store holds other data than this node knows.</summary>
    public void NoteOtherData()
    {
        lock (_gate)
            _hasMetOtherData = true;
    }

    /// <inheritdoc cref="NodeConfirmation.Revoke"/>
    public void Revoke()
    {
        lock (_gate)
            _confirmation.Revoke();
    }

    /// <inheritdoc cref="Evictions.NoteLeases"/>
    public void NoteLeases(ImmutableArray<NodeLease> leases, TimeSpan now)
    {
        lock (_gate)
            _evictions.NoteLeases(leases, _view.Current, now);
    }

    /// <inheritdoc cref="Evictions.TryTake"/>
    public bool TryTakeEviction(TimeSpan now, out Eviction eviction)
    {
        lock (_gate)
            return _evictions.TryTake(now, out eviction);
    }

    /// <inheritdoc cref="Evictions.Complete"/>
    public void CompleteEviction(Eviction eviction, bool isOver)
    {
        lock (_gate)
            _evictions.Complete(eviction, isOver);
    }

    /// <inheritdoc cref="NodeConfirmation.TimesConfirmed"/>
    public int TimesConfirmed => _confirmation.TimesConfirmed;

    /// <inheritdoc cref="NodeConfirmation.Read"/>
    public ConfirmationStatus ReadConfirmation(TimeSpan now)
    {
        lock (_gate)
            return _confirmation.Read(now);
    }

    /// <inheritdoc cref="Evictions.List"/>
    public ImmutableArray<NodeId> ListEvicted()
    {
        lock (_gate)
            return _evictions.List();
    }

    /// <inheritdoc cref="Evictions.Read"/>
    public ImmutableArray<EvictionStatus> ReadEvictions(TimeSpan now)
    {
        lock (_gate)
            return _evictions.Read(_view.Current, now);
    }

    /// <summary>Returns how long this node has known its data, and which nodes have not said that they know it.</summary>
    /// <param name="now">The time.</param>
    public (TimeSpan KnownFor, bool IsAgreed, ImmutableArray<NodeId> Missing) ReadAgreement(TimeSpan now)
    {
        lock (_gate)
            return (_data == default ? TimeSpan.Zero : now - _knownSince, _agreement.IsComplete, _agreement.ListMissing(_view.Current));
    }

    /// <summary>Sends what is due to the peers. To be called at least every 50 ms.</summary>
    public void Tick(TimeSpan now)
    {
        ConfirmRequest request;
        ImmutableArray<NodeId> peers;
        List<(NodeId To, VoteRequest Request)> votes = [];
        List<NodeId> toAsk = [];
        DataIdentity data;
        lock (_gate)
        {
            var view = _view.Current;
            _promises.Forget(view, now);
            _evictions.Tick(view, now, votes);
            _confirmation.TryBeginRound(now, out request, out peers);
            _agreement.Tick(view, now, toAsk);
            data = _data;
        }
        foreach (var peer in peers)
            _channel.Send(peer, request);
        foreach (var (to, vote) in votes)
            _channel.Send(to, vote);
        foreach (var node in toAsk)
            _channel.Send(node, new DataCheckRequest(data));
    }

    /// <summary>Takes a message, and returns whether it was one of this protocol.</summary>
    public bool Receive(NodeId from, NodeMessage message, TimeSpan now)
    {
        NodeMessage? answer = null;
        lock (_gate)
        {
            switch (message)
            {
                case ConfirmRequest request when Knows(request.Data) && _promises.TryConfirm(from, request.Renewal, _view.Current, now):
                    answer = new ConfirmResponse(request.Round);
                    break;
                case VoteRequest request:
                    answer = VoteOn(request, now);
                    break;
                case DataCheckRequest question when _data == default || Knows(question.Data):
                    // Before its first poll a node holds and confirms nothing, and that poll will show this data, or later data.
                    answer = new DataCheckResponse(question.Data, _data == default ? TimeSpan.Zero : now - _knownSince);
                    break;
                case DataCheckResponse known when known.Data == _data:
                    _agreement.Receive(from, known.KnownFor, now);
                    break;
                case ConfirmResponse confirm:
                    _confirmation.Receive(from, confirm, now);
                    break;
                case Vote vote:
                    _evictions.Receive(from, vote);
                    break;
                case VoteRefused refused:
                    _evictions.Receive(from, refused);
                    break;
                default:
                    return message is ConfirmRequest or DataCheckRequest or DataCheckResponse;
            }
        }
        if (answer is not null)
            _channel.Send(from, answer);
        return true;
    }

    private NodeMessage VoteOn(VoteRequest request, TimeSpan now)
    {
        var obstacle = VoteObstacle.OtherData;
        return Knows(request.Data) && _promises.TryVote(request.Node, request.Renewal, now, out obstacle)
            ? new Vote(request.Node, request.Data, request.Renewal)
            : new VoteRefused(request.Node, request.Data, request.Renewal, obstacle);
    }

    /// <summary>Whether this node knows the data. One of the two that differ has to ask the store, so this one does.</summary>
    private bool Knows(DataIdentity data)
    {
        _hasMetOtherData |= data != _data;
        return data == _data && data != default;
    }
}
