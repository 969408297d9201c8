using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence.HandOver;

namespace GrpcPresence.Core.Cluster.Ownership;

/// <summary>
/// What other nodes hand over to this one, until the shard is opened here. Not safe from several threads.
/// </summary>
internal sealed class IncomingHandOvers
{
    private readonly Dictionary<Shard, Incoming> _incoming = [];

    /// <summary>What is handed over, by shard.</summary>
    public IReadOnlyDictionary<Shard, Incoming> All => _incoming;

    /// <summary>Takes an item. Returns the answer to the sender; null if it needs none.</summary>
    public HandOverItem? Receive(NodeId from, HandOverItem item)
    {
        if (item is HandOverBegin begin)
        {
            // The holder has begun again, or another node holds the shard now.
            if (!_incoming.TryGetValue(item.Shard, out var earlier) || earlier.From != from || earlier.Begin.Id < begin.Id)
                _incoming[item.Shard] = new Incoming(from, begin);
            return null;
        }
        if (!_incoming.TryGetValue(item.Shard, out var incoming) || incoming.From != from || incoming.Begin.Id != item.Id)
            return null;
        switch (item)
        {
            case HandOverPage page:
                incoming.Users.AddRange(page.Users);
                return new HandOverReceived(item.Id, item.Shard, incoming.Users.Count);
            case HandOverEnd end:
                incoming.IsComplete = incoming.Users.Count == end.Users;
                return incoming.IsComplete ? new HandOverAccepted(item.Id, item.Shard) : null;
            case HandOverGivenUp:
                _incoming.Remove(item.Shard);
                return null;
            default:
                return null;
        }
    }

    /// <summary>
    /// Whether all of the shard was received from a node that is alive, and too little time has passed to give up what that node says next.
    /// </summary>
    public bool IsComplete(Shard shard, ClusterView view, TimeSpan now)
    {
        if (!_incoming.TryGetValue(shard, out var incoming) || !incoming.IsComplete || !view.Contains(incoming.From))
            return false;
        incoming.WaitsUntil ??= now + Limits.OwnerWait;
        return now < incoming.WaitsUntil;
    }

    /// <summary>Returns what was received of a shard, complete or not; null if nothing was.</summary>
    public Incoming? Find(Shard shard) => _incoming.GetValueOrDefault(shard);

    /// <summary>Forgets what was received of a shard, because the shard is open here.</summary>
    public void Forget(Shard shard) => _incoming.Remove(shard);

    /// <summary>
    /// Forgets what is of a shard that another node than the sender holds by now, or that the sender holds under another epoch. Keeps what
    /// a sender has left that holds it no more while nobody does: this node may take the shard over.
    /// </summary>
    public void Forget(Shard shard, KnownHolder holder)
    {
        if (holder.Node is null || !_incoming.TryGetValue(shard, out var incoming))
            return;
        if (incoming.From != holder.Node || incoming.Begin.Holder != holder)
            _incoming.Remove(shard);
    }

    /// <summary>
    /// Notes that a stream was closed. The holder may have sent it open, and the switch may come later than closes are remembered.
    /// </summary>
    public void Note(CloseStreamItem close)
    {
        if (_incoming.Count == 0) // a dictionary that once had many entries takes long to enumerate
            return;
        foreach (var incoming in _incoming.Values)
            incoming.Note(close);
    }

    /// <summary>Forgets everything.</summary>
    public void Clear() => _incoming.Clear();
}

/// <summary>What a node has handed over of a shard.</summary>
/// <param name="from">The holder.</param>
/// <param name="begin">The first item.</param>
internal sealed class Incoming(NodeId from, HandOverBegin begin)
{
    private HashSet<StreamId>? _streams; // created by the first close

    /// <summary>The holder.</summary>
    public NodeId From => from;

    /// <summary>The first item.</summary>
    public HandOverBegin Begin => begin;

    /// <summary>The users.</summary>
    public List<HandedUser> Users { get; } = [];

    /// <summary>The streams of the hand-over that were closed since it began.</summary>
    public List<CloseStreamItem> Closes { get; } = [];

    /// <summary>Whether these are all users.</summary>
    public bool IsComplete { get; set; }

    /// <summary>Until when this node waits for the holder to say that it has switched; null if it does not wait yet.</summary>
    public TimeSpan? WaitsUntil { get; set; }

    /// <summary>Notes that a stream was closed.</summary>
    public void Note(CloseStreamItem close)
    {
        _streams ??= [.. begin.Start.Streams.Select(stream => stream.Id)];
        if (_streams.Remove(close.Stream))
            Closes.Add(close);
    }
}
