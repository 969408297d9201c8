using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Shards;

/// <summary>
/// The holder of each shard, as this node knows it from the store, from hints, and from receivers that were the wrong ones. May be out of
/// date. Safe from any thread; reads take no lock, because each routed call reads one.
/// </summary>
public sealed class ShardTable
{
    private static readonly KnownHolder Unknown = new(Node: null, Epoch: 0);

    private readonly KnownHolder[] _holders = new KnownHolder[Shard.Count];
    private readonly ShardBits _changed = new();
    private int _version;

    /// <summary>Creates a table in which no shard has a holder, each at epoch 0.</summary>
    public ShardTable() => Array.Fill(_holders, Unknown);

    /// <summary>Raised with each change of the table.</summary>
    public int Version => Volatile.Read(ref _version);

    /// <summary>Returns the holder of a shard.</summary>
    public KnownHolder this[Shard shard] => Volatile.Read(ref _holders[shard.Number]);

    /// <summary>
    /// Enters the holder of a shard if its epoch is higher than the known one; returns whether it is. News may arrive in any order.
    /// </summary>
    public bool Learn(Shard shard, KnownHolder holder)
    {
        while (true)
        {
            var known = this[shard];
            if (holder.Epoch <= known.Epoch)
                return false;
            if (!ReferenceEquals(Interlocked.CompareExchange(ref _holders[shard.Number], holder, known), known))
                continue;
            _changed.Add(shard);
            Interlocked.Increment(ref _version);
            return true;
        }
    }

    /// <summary>
    /// Returns the shards of a word of <see cref="ShardBits"/> that have changed since the last call. Only one caller uses it.
    /// </summary>
    internal ulong TakeChanged(int word) => _changed.Take(word);
}

/// <summary>The holder of a shard.</summary>
/// <param name="Node">The node; null if no node holds the shard, or if the holder is not known yet.</param>
/// <param name="Epoch">Greater each time that the store gives the shard to a node; 0 if it is not known yet.</param>
public sealed record KnownHolder(NodeId? Node, long Epoch);
