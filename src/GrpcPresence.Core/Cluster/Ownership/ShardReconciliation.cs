using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Ownership;

/// <summary>
/// Decides what this node should do with each shard: claim, load, move, release or close it, or nothing. It does none of this:
/// <see cref="ShardOwnership"/> asks it in each step. <see cref="ShardOpenings"/> and <see cref="OutgoingHandOvers"/> say which shards it
/// should look at again. Used only by the loop of the node.
/// </summary>
/// <param name="self">This node.</param>
/// <param name="table">The holders of the shards.</param>
/// <param name="gates">What this node holds.</param>
internal sealed class ShardReconciliation(NodeId self, ShardTable table, ShardGates gates)
{
    private readonly long[] _lost = new long[Shard.Count]; // the last epoch under which the shard was lost, whatever the table says
    private readonly ShardBits _dirty = new(); // what Decide has not seen yet, besides changes of the table
    private readonly ShardBits _missing = new(); // this node is the target, and they are not open here
    private readonly ShardBits _unclaimed = new(); // this node is the target, and they have no holder
    private readonly List<Shard> _toClaim = [];
    private ShardTargets _targets = ShardTargets.Of(new ClusterView(Number: -1, []));
    private (int Table, long View, int Excluded) _seen = (-1, -1, -1);
    private bool _mustReconcile; // a shard waits for something that is not seen in the table

    /// <summary>Whether every shard of which this node is the target is open here, so that it may get calls.</summary>
    public bool IsReady { get; private set; }

    /// <summary>Whether this node holds no shard.</summary>
    public bool IsEmpty { get; private set; }

    /// <summary>The shards that this node should claim, as the last pass has seen it.</summary>
    public IReadOnlyList<Shard> ToClaim => _toClaim;

    /// <summary>The shards that this node holds.</summary>
    public ShardBits Held { get; } = new();

    /// <summary>The shards that this node holds, and may not load from the store yet.</summary>
    public ShardBits ToLoad { get; } = new();

    /// <summary>The shards that are open here, and of which another node is the target.</summary>
    public ShardBits ToMove { get; } = new();

    /// <summary>The node that should hold each shard.</summary>
    public ShardTargets Targets => _targets;

    /// <summary>The last epoch under which each shard was lost; 0 if it was not.</summary>
    public long[] LostEpochs => _lost;

    /// <summary>Makes the next pass look at a shard.</summary>
    public void MarkDirty(Shard shard)
    {
        _dirty.Add(shard);
        _mustReconcile = true;
    }

    /// <summary>This node does not hold a shard under the epoch any more.</summary>
    public void NoteLost(Shard shard, long epoch) => _lost[shard.Number] = Math.Max(_lost[shard.Number], epoch);

    /// <summary>Returns the shards that this node holds in the data of the table under the epoch of its gate.</summary>
    public ShardBits FindKept()
    {
        var kept = new ShardBits();
        for (var number = 0; number < Shard.Count; number++)
        {
            var shard = new Shard(number);
            var gate = gates[shard];
            if (gate.IsHeld && table[shard].Node == self && table[shard].Epoch == gate.Epoch)
                kept.Add(shard);
        }
        return kept;
    }

    /// <summary>The epochs are of other data from now on. Makes the next pass look at every shard.</summary>
    public void ResetForNewData()
    {
        Array.Clear(_lost);
        _dirty.AddAll();
        _mustReconcile = true;
    }

    /// <summary>Whether anything has changed since the last pass.</summary>
    /// <param name="view">The newest view.</param>
    /// <param name="excludedVersion">The version of the set of nodes that should hold no shard.</param>
    public bool IsDue(ClusterView view, int excludedVersion) =>
        _mustReconcile || _seen != (table.Version, view.Number, excludedVersion);

    /// <summary>
    /// Begins a pass. It looks at each shard whose entry in the table has changed, and at those that wait for something else. While shards
    /// move, there is one in each step: all 1,024 would take 20 us. Returns the shards. Call <see cref="Decide"/> for each of them as it
    /// comes, and <see cref="EndPass"/> at the end.
    /// </summary>
    /// <param name="view">The newest view.</param>
    /// <param name="excluded">The nodes that should hold no shard; a greater version for each change of the set.</param>
    public IEnumerable<Shard> BeginPass(ClusterView view, (IReadOnlySet<NodeId> Nodes, int Version) excluded)
    {
        (int Table, long View, int Excluded) seen = (table.Version, view.Number, excluded.Version);
        if (seen.View != _seen.View || seen.Excluded != _seen.Excluded)
        {
            _targets = ShardTargets.Of(Excluding(view, excluded.Nodes));
            _dirty.AddAll();
        }
        (_seen, _mustReconcile) = (seen, false);
        for (var word = 0; word < ShardBits.Words; word++)
        {
            for (var bits = table.TakeChanged(word) | _dirty.Take(word); bits != 0; bits &= bits - 1)
                yield return ShardBits.ShardOf(word, bits);
        }
    }

    /// <summary>Returns what this node should do with a shard besides claiming and moving it.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="holder">Its holder.</param>
    public ShardAction Decide(Shard shard, out KnownHolder holder)
    {
        holder = table[shard];
        var isHolder = holder.Node == self;
        var isTarget = _targets[shard] == self;
        var gate = gates[shard];
        ToLoad.Set(shard, isIn: false);
        Held.Set(shard, isHolder);
        _missing.Set(shard, isTarget && (!isHolder || gate.State == ShardGateState.Closed));
        _unclaimed.Set(shard, isTarget && holder.Node is null);
        ToMove.Set(shard, isHolder && !isTarget && gate.State == ShardGateState.Open && gate.Epoch == holder.Epoch);
        if (!isHolder)
            return ShardAction.Release;
        if (gate.State == ShardGateState.Closed)
        {
            NoteLost(shard, gate.Epoch);
            return holder.Epoch > _lost[shard.Number] ? ShardAction.Load : ShardAction.None;
        }
        return gate.Epoch != holder.Epoch ? ShardAction.Close : ShardAction.None;
    }

    /// <summary>Ends a pass: notes whether the node is ready or empty, and what it should claim.</summary>
    public void EndPass()
    {
        (IsReady, IsEmpty) = (_missing.IsEmpty, Held.IsEmpty);
        _toClaim.Clear();
        for (var word = 0; word < ShardBits.Words; word++)
        {
            for (var bits = _unclaimed.Word(word); bits != 0; bits &= bits - 1)
                _toClaim.Add(ShardBits.ShardOf(word, bits));
        }
    }

    private static ClusterView Excluding(ClusterView view, IReadOnlySet<NodeId> excluded) =>
        excluded.Count == 0 || view.Nodes.All(excluded.Contains) ? view : view with { Nodes = view.Nodes.RemoveAll(excluded.Contains) };
}

/// <summary>What a node should do with a shard.</summary>
internal enum ShardAction
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Another node holds it, or none: forget its users, unless a hand-over in progress does that.</summary>
    Release,

    /// <summary>This node holds it, and it is closed here: load and open it.</summary>
    Load,

    /// <summary>It is open under an earlier epoch than this node holds it: close it, and load it again.</summary>
    Close,
}
