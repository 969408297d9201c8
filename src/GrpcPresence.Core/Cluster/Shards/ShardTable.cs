using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;

namespace GrpcPresence.Core.Cluster.Shards;

/// <summary>
/// The holder of each shard, as this node knows it from the store, from hints, and from receivers that were the wrong ones. May be out of
/// date. Safe from any thread; reads take no lock, because each routed call reads one.
/// </summary>
/// <remarks>
/// All entries are of the same data. What comes from a node that knows other data is not entered, because epochs of two lines of commits
/// cannot be compared: after commits were lost, a shard has its earlier holder and epoch again.
/// </remarks>
public sealed class ShardTable
{
    private readonly ShardBits _changed = new();
    private Holders _holders = new(default); // replaced as a whole when the data is other data
    private int _version;

    /// <summary>Raised with each change of the table.</summary>
    public int Version => Volatile.Read(ref _version);

    /// <summary>Returns the holder of a shard; at first none, at epoch 0 of no data.</summary>
    public KnownHolder this[Shard shard] => Volatile.Read(ref Volatile.Read(ref _holders).Of[shard.Number]);

    /// <summary>
    /// Enters the holder of a shard if it is of the data that the table is of, and its epoch is higher than the known one; returns whether
    /// it is. News may arrive in any order.
    /// </summary>
    public bool Update(Shard shard, KnownHolder holder)
    {
        var holders = Volatile.Read(ref _holders);
        if (holder.Data != holders.Data)
            return false;
        while (true)
        {
            var known = Volatile.Read(ref holders.Of[shard.Number]);
            if (holder.Epoch <= known.Epoch)
                return false;
            if (!ReferenceEquals(Interlocked.CompareExchange(ref holders.Of[shard.Number], holder, known), known))
                continue;
            _changed.Add(shard);
            Interlocked.Increment(ref _version);
            return true;
        }
    }

    /// <summary>Replaces everything by what a store says that holds other data.</summary>
    /// <param name="data">The data.</param>
    /// <param name="shards">Every shard that ever had a holder.</param>
    public void Reset(DataIdentity data, ImmutableArray<ShardHolder> shards)
    {
        var holders = new Holders(data);
        foreach (var (shard, node, epoch) in shards)
            holders.Of[shard.Number] = new KnownHolder(node, epoch, data);
        Volatile.Write(ref _holders, holders);
        _changed.AddAll();
        Interlocked.Increment(ref _version);
    }

    /// <summary>
    /// Returns the bits of a word of <see cref="ShardBits"/> that have changed since this was last called. One caller uses it.
    /// </summary>
    internal ulong TakeChanged(int word) => _changed.Take(word);

    private sealed class Holders
    {
        public Holders(DataIdentity data)
        {
            Data = data;
            Array.Fill(Of, new KnownHolder(Node: null, Epoch: 0, data));
        }

        public DataIdentity Data { get; }

        public KnownHolder[] Of { get; } = new KnownHolder[Shard.Count];
    }
}

/// <summary>The holder of a shard.</summary>
/// <param name="Node">The node; null if no node holds the shard, or if the holder is not known yet.</param>
/// <param name="Epoch">Greater each time that the store gives the shard to a node; 0 if it is not known yet.</param>
/// <param name="Data">The data that says so.</param>
public sealed record KnownHolder(NodeId? Node, long Epoch, DataIdentity Data);
