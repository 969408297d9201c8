using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// What a node of a cluster knows of a heartbeat stream that it has met: its identity, and the shards of the users for which it sent
/// heartbeats. The lock of <see cref="HeartbeatStreams"/> guards changes. <see cref="Has"/> takes no lock, because each heartbeat calls it.
/// </summary>
internal sealed class MetStream(StreamId id)
{
    private const int None = -1;

    private int _first = None; // the only shard of nearly all streams, because a client sends heartbeats for one user
    private ShardBits? _others;

    /// <summary>The stream.</summary>
    public StreamId Id { get; } = id;

    /// <summary>Whether there is no shard.</summary>
    public bool IsEmpty => _first == None && _others is null or { IsEmpty: true };

    /// <summary>Whether the stream has sent heartbeats for users of the shard to this node. Safe from any thread.</summary>
    public bool Has(Shard shard) =>
        Volatile.Read(ref _first) == shard.Number || (Volatile.Read(ref _others) is { } others && others.Has(shard));

    /// <summary>Adds a shard.</summary>
    public void Add(Shard shard)
    {
        if (_first == shard.Number)
            return;
        if (_first == None)
        {
            Volatile.Write(ref _first, shard.Number);
            return;
        }
        if (_others is null)
            Volatile.Write(ref _others, new ShardBits());
        _others.Add(shard);
    }

    /// <summary>Removes a shard.</summary>
    public void Remove(Shard shard)
    {
        if (_first == shard.Number)
            Volatile.Write(ref _first, None);
        _others?.Set(shard, isIn: false);
    }

    /// <summary>Removes some shard and returns it. Returns false if no shard is left.</summary>
    public bool TryTake(out Shard shard)
    {
        shard = new Shard(_first);
        for (var word = 0; _first == None && _others is not null && word < ShardBits.Words; word++)
        {
            if (_others.Word(word) is var bits && bits != 0)
            {
                shard = ShardBits.ShardOf(word, bits);
                Remove(shard);
                return true;
            }
        }
        if (_first == None)
            return false;
        Remove(shard);
        return true;
    }
}
