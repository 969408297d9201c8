using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Cluster.Shards;

/// <summary>
/// What this node may do with each shard. Reads take no lock, because each heartbeat reads one. Changes come from the loop of the node,
/// apart from <see cref="Lose"/>, which the writer calls. So each change names the gate that it expects.
/// </summary>
/// <remarks>
/// A reader that decides about a user reads the gate inside the lock of the part of the tracker that holds the user. So once a changed gate
/// was followed by taking each of these locks once, nothing is in progress that saw the gate before.
/// </remarks>
public sealed class ShardGates
{
    private const int StateBits = 2;

    private readonly Lock _changing = new(); // orders changes; nothing is called under it
    private readonly long[] _gates = new long[Shard.Count]; // the epoch and the state
    private readonly ShardBits _changed = new();
    private readonly ShardBits _open = new(); // changed under the lock
    private volatile KnownData _data = new(default); // replaced as a whole

    /// <summary>Returns the gate of a shard.</summary>
    public ShardGate this[Shard shard] => Of(Volatile.Read(ref _gates[shard.Number]));

    /// <summary>Whether this node decides about the users of the shard.</summary>
    public bool IsOpen(Shard shard) => (Volatile.Read(ref _gates[shard.Number]) & 3) == (long)ShardGateState.Open;

    /// <summary>
    /// The data whose epochs the gates name: what this node knows. <c>default</c> before its first poll. Read it before the gates: then a
    /// gate that is open was opened in that data, or in data that follows it.
    /// </summary>
    public DataIdentity Data => _data.Identity;

    /// <summary>Changes the gate of a shard, and returns whether it did: not if the gate is another one than expected by now.</summary>
    public bool TryChange(Shard shard, ShardGate expected, ShardGate gate)
    {
        lock (_changing)
        {
            if (this[shard] != expected)
                return false;
            Put(shard, gate);
            return true;
        }
    }

    /// <summary>Closes the gate of a shard, whatever it is. One that is closed already keeps the epoch under which it was closed.</summary>
    public void Close(Shard shard)
    {
        lock (_changing)
        {
            if (this[shard].IsHeld)
                Put(shard, default);
        }
    }

    /// <summary>
    /// Closes the gate of a shard that this node does not hold under the epoch in the data any more, unless the gate is one of another
    /// epoch or of other data by now. It keeps the epoch. From any thread.
    /// </summary>
    public void Lose(Shard shard, long epoch, DataIdentity data)
    {
        lock (_changing)
        {
            if (data == Data && this[shard] is { IsHeld: true } gate && gate.Epoch == epoch)
                Put(shard, gate with { State = ShardGateState.Closed });
        }
    }

    /// <summary>
    /// The node knows other data from now on. Closes all gates but some, which that data leaves with this node under the same epoch. No
    /// epoch of earlier data is kept in a closed gate.
    /// </summary>
    internal void SetData(DataIdentity data, ShardBits kept)
    {
        lock (_changing)
        {
            for (var number = 0; number < Shard.Count; number++)
            {
                var shard = new Shard(number);
                if (!kept.Has(shard) || !this[shard].IsHeld)
                    Put(shard, default);
            }
            _data = new KnownData(data); // after the gates
        }
    }

    /// <summary>
    /// Returns the bits of a word of <see cref="ShardBits"/> whose gates have changed since this was last called. One caller uses it.
    /// </summary>
    internal ulong TakeChanged(int word) => _changed.Take(word);

    /// <summary>Returns the bits of a word of <see cref="ShardBits"/> whose gates are open.</summary>
    internal ulong OpenWord(int word) => _open.Word(word);

    private void Put(Shard shard, ShardGate gate)
    {
        Volatile.Write(ref _gates[shard.Number], (gate.Epoch << StateBits) | (long)gate.State);
        _open.Set(shard, gate.State == ShardGateState.Open);
        _changed.Add(shard);
    }

    private static ShardGate Of(long gate) => new((ShardGateState)(gate & 3), gate >> StateBits);

    private sealed record KnownData(DataIdentity Identity);
}

/// <summary>What this node may do with a shard.</summary>
/// <param name="State">The state.</param>
/// <param name="Epoch">
/// The epoch under which this node holds the shard. If the gate is closed, the one under which the writer has lost it; 0 if it has not.
/// </param>
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
