using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// What a node of a cluster knows of a heartbeat stream that it has met: its identity, and the shards of the users for which it sent
/// heartbeats. Safe from any thread.
/// </summary>
internal sealed class MetStream(StreamId id)
{
    private readonly Lock _gate = new(); // guards the shards; taken inside a part's lock, and nothing is called under it
    private readonly HashSet<Shard> _shards = []; // nearly always one: a client sends heartbeats for one user
    private int _last = -1; // the shard of the last heartbeat, if it is in the set: a steady heartbeat takes no lock

    /// <summary>The stream.</summary>
    public StreamId Id { get; } = id;

    /// <summary>Adds a shard.</summary>
    public void Add(Shard shard)
    {
        if (Volatile.Read(ref _last) == shard.Number)
            return;
        lock (_gate)
        {
            _shards.Add(shard);
            Volatile.Write(ref _last, shard.Number);
        }
    }

    /// <summary>Whether the stream has sent heartbeats for users of the shard to this node.</summary>
    public bool Has(Shard shard)
    {
        lock (_gate)
            return _shards.Contains(shard);
    }

    /// <summary>Removes a shard. Returns whether none is left.</summary>
    public bool Remove(Shard shard)
    {
        lock (_gate)
        {
            Volatile.Write(ref _last, -1);
            _shards.Remove(shard);
            return _shards.Count == 0;
        }
    }
}
