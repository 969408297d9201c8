using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Shards;

/// <summary>
/// What this node may do with each shard. Reads take no lock, because each heartbeat reads one. Changes come from one thread
/// at a time, apart from <see cref="Close"/>.
/// </summary>
/// <remarks>
/// A reader that decides about a user reads the gate inside the lock of the part of the tracker that holds the user. So once a changed gate
/// was followed by taking each of these locks once, nothing is in progress that saw the gate before.
/// </remarks>
public sealed class ShardGates
{
    private const int StateBits = 2;

    private readonly long[] _gates = new long[Shard.Count]; // the epoch and the state
    private readonly ShardBits _changed = new();

    /// <summary>Returns the gate of a shard.</summary>
    public ShardGate this[Shard shard] => Of(Volatile.Read(ref _gates[shard.Number]));

    /// <summary>Whether this node decides about the users of the shard.</summary>
    public bool IsOpen(Shard shard) => (Volatile.Read(ref _gates[shard.Number]) & 3) == (long)ShardGateState.Open;

    /// <summary>Sets the gate of a shard.</summary>
    public void Set(Shard shard, ShardGate gate)
    {
        Volatile.Write(ref _gates[shard.Number], (gate.Epoch << StateBits) | (long)gate.State);
        _changed.Add(shard);
    }

    /// <summary>Closes the gate of a shard, unless it is one of another epoch by now. From any thread.</summary>
    public void Close(Shard shard, long epoch)
    {
        ref var place = ref _gates[shard.Number];
        long present;
        do
        {
            present = Volatile.Read(ref place);
            if (!Of(present).IsHeld || present >> StateBits != epoch)
                return;
        }
        while (Interlocked.CompareExchange(ref place, (epoch << StateBits) | (long)ShardGateState.Closed, present) != present);
        _changed.Add(shard);
    }

    /// <summary>
    /// Returns the bits of a word of <see cref="ShardBits"/> whose gates have changed since this was last called. One caller uses it.
    /// </summary>
    internal ulong TakeChanged(int word) => _changed.Take(word);

    private static ShardGate Of(long gate) => new((ShardGateState)(gate & 3), gate >> StateBits);
}

/// <summary>What this node may do with a shard.</summary>
/// <param name="State">The state.</param>
/// <param name="Epoch">The epoch under which this node holds the shard; meaningless if the gate is closed.</param>
public readonly record struct ShardGate(ShardGateState State, long Epoch)
{
    /// <summary>Whether commands of the shard may be committed, under <see cref="Epoch"/>.</summary>
    public bool IsHeld => State is ShardGateState.Open or ShardGateState.Sealed;
}

/// <summary>The state of a <see cref="ShardGate"/>.</summary>
public enum ShardGateState
{
    /// <summary>Another node holds the shard, or none, or this node has not loaded it yet.</summary>
    Closed,

    /// <summary>This node decides about the users of the shard.</summary>
    Open,

    /// <summary>This node gives the shard away. It takes no calls, and commits what it has taken before.</summary>
    Sealed,
}
