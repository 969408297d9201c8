using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// Opens, closes and moves the shards of a cluster in the tracker of one node, and sets their gates. Calls that change a gate come from one
/// thread at a time. Everything else is safe from any thread.
/// </summary>
/// <remarks>
/// <para>
/// <b>Hand-over</b>: the holder calls <see cref="TrySeal"/>, waits until <see cref="SealedShard.IsSettled"/>, and sends what the seal
/// returns. The new holder calls <see cref="Load"/> and adds what it receives. When the switch is committed, the old holder calls
/// <see cref="SealedShard.Release"/>, and the new one <see cref="ShardLoad.Open"/>. If the hand-over is given up before the switch, the
/// holder calls <see cref="SealedShard.Reopen"/>.
/// </para>
/// <para>
/// <b>Take-over</b>: the new holder calls <see cref="Load"/>, or keeps the load of a hand-over whose holder died,
/// <see cref="ShardLoad.TakeOver"/>, loads from the store, and opens.
/// </para>
/// <para>
/// <b>Leases</b>: the clock of a shard stands still while its gate is not open. Nobody goes offline because of a shard that is moved.
/// </para>
/// </remarks>
public sealed class TrackedShards
{
    private readonly TrackerPart[] _parts;
    private readonly ShardStates _states;
    private readonly LeaseClock _clock;
    private readonly HeartbeatStreams _streams;
    private readonly ShardLoad?[] _loads = new ShardLoad?[Shard.Count]; // the last one of each shard

    internal TrackedShards(TrackerPart[] parts, ShardStates states, LeaseClock clock, HeartbeatStreams streams) =>
        (_parts, _states, _clock, _streams) = (parts, states, clock, streams);

    /// <summary>
    /// Seals an open shard, so that it can be handed over: calls for its users are moved from now on, and its leases stand still. When this
    /// returns, no call is in progress that saw the open gate. What these have queued is still written. Returns null if the shard is not
    /// open: the writer closes the gate of a shard that this node has lost, at any time.
    /// </summary>
    public SealedShard? TrySeal(Shard shard)
    {
        var gate = _states.Gates[shard];
        if (gate.State != ShardGateState.Open || !_states.Gates.TryChange(shard, gate, gate with { State = ShardGateState.Sealed }))
            return null;
        var part = PartOf(shard);
        long sealedAt;
        lock (part.Gate) // after every call that saw the open gate, because all users of the shard are in this part
            sealedAt = _clock.Now;
        return new SealedShard(shard, gate.Epoch, part, _states, _clock, _streams, sealedAt);
    }

    /// <summary>Begins to load a closed shard. Stops an earlier load, and discards what it has left.</summary>
    /// <exception cref="InvalidOperationException">The gate of the shard is not closed.</exception>
    public ShardLoad Load(Shard shard)
    {
        if (_states.Gates[shard].State != ShardGateState.Closed)
            throw new InvalidOperationException($"Shard {shard} is loaded, but it is not closed.");
        Lose(shard);
        return _loads[shard.Number] = new ShardLoad(shard, PartOf(shard), _states, _clock, _streams);
    }

    /// <summary>
    /// Closes a shard that this node has lost, whatever its gate: evicted, or the store shows another holder or epoch. Its users leave the
    /// tracker without a transition, callers that wait get <see cref="ShardMovedException"/>, and the writer drops what is queued. A load
    /// of the shard stops.
    /// </summary>
    public void Close(Shard shard)
    {
        _states.Gates.Close(shard);
        Lose(shard);
    }

    /// <summary>
    /// Closes a heartbeat stream for the users of all shards that this node has, whatever their gates. While a shard is handed over, both
    /// nodes must close the stream: the holder may have sent the users before, and may open the shard again. What comes later of the stream
    /// finds it closed. Closing it again is harmless. Returns the number of users that were visited.
    /// </summary>
    /// <param name="id">The stream, which this node need not know.</param>
    /// <param name="endsSessions">
    /// Whether the client closed a stream that asked for this: see <see cref="PresenceTracker.Close"/>. Otherwise no session ends.
    /// </param>
    /// <param name="until">The time of the clock of the node up to which the close is remembered.</param>
    public int CloseStream(StreamId id, bool endsSessions, TimeSpan until)
    {
        var stream = _streams.Close(id, endsSessions, until);
        if (stream is null || !endsSessions)
            return 0;
        var users = stream.TakeUsers();
        foreach (var user in users)
        {
            lock (user.Part.Gate)
                user.Close(stream, _clock.Now);
        }
        return users.Count;
    }

    /// <summary>
    /// Begins to compare what the tracker believes to be stored of an open or sealed shard with what the store holds now, because commits
    /// may be lost.
    /// </summary>
    public StoredPresenceCheck Check(Shard shard) => new(shard, PartOf(shard), _states);

    /// <summary>The number of tracked users of the shard.</summary>
    internal int CountUsers(Shard shard) => PartOf(shard).ListUsersOf(shard).Count;

    private TrackerPart PartOf(Shard shard) => _parts[shard.Number & (_parts.Length - 1)];

    private void Lose(Shard shard)
    {
        _loads[shard.Number]?.Dispose(); // before its users leave
        _loads[shard.Number] = null;
        var part = PartOf(shard);
        ShardUsers.ForEach(part, part.ListUsersOf(shard), static user => user.Lose());
        _streams.Remove(shard);
    }
}
