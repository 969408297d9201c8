using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence.HandOver;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// A closed shard while this node loads it, from a hand-over or from the store. Nothing is visible before <see cref="Open"/>. Use it from
/// one thread at a time, and end with <see cref="Open"/> or <see cref="TrackedShards.Close"/>. The latter may come from another thread:
/// then <see cref="Stopped"/> is cancelled, and what is still added throws <see cref="OperationCanceledException"/>.
/// </summary>
public sealed class ShardLoad : IDisposable
{
    private readonly TrackerPart _part;
    private readonly ShardStates _states;
    private readonly LeaseClock _clock;
    private readonly HeartbeatStreams _streams;
    private readonly long _loadedAt; // the clock of the shard stands still at this moment
    private readonly CancellationTokenSource _stop = new();
    private bool _isTakeOver;
    private bool _isEnded; // guarded by the lock of the part

    internal ShardLoad(Shard shard, TrackerPart part, ShardStates states, LeaseClock clock, HeartbeatStreams streams)
    {
        (Shard, _part, _states, _clock, _streams) = (shard, part, states, clock, streams);
        _loadedAt = clock.Now;
        Stopped = _stop.Token;
    }

    /// <summary>The shard.</summary>
    public Shard Shard { get; }

    /// <summary>Cancelled when the node does not need the load any more.</summary>
    public CancellationToken Stopped { get; }

    /// <summary>Receives what a hand-over says before the users.</summary>
    public void Receive(HandOverStart start)
    {
        lock (_part.Gate)
        {
            ThrowIfEnded();
            _states.TakenOver(Shard) = start.TakenOver;
            _streams.Add(Shard, start.Streams);
        }
    }

    /// <summary>Receives a user of a hand-over. A user that is received again replaces what was received before.</summary>
    /// <exception cref="ArgumentException">The user is in another shard, or the service instance is another one.</exception>
    public void Receive(CachedService service, HandedUser handed)
    {
        if (handed.Service != service.Sid || handed.ServiceId != service.Id)
            throw new ArgumentException("The user belongs to another service instance.", nameof(handed));
        var hash = HashOf(service, handed.Identity);
        lock (_part.Gate)
        {
            ThrowIfEnded();
            _part.Users.Find(service.Id, handed.Identity, hash)?.Lose();
            _part.GetOrAdd(service, handed.Identity, hash).Receive(handed, _loadedAt, _clock.Now, _streams);
        }
    }

    /// <summary>
    /// Takes the shard over, because its holder is gone. Keeps the sessions and ended sessions that a hand-over brought. What is stored
    /// follows from the store alone. Load the ended sessions and the online users of the shard after it.
    /// </summary>
    /// <param name="stored">The uptime that is stored, and its wall time: about when the holder was last known to run.</param>
    public void TakeOver(ServerUptime stored)
    {
        lock (_part.Gate)
        {
            ThrowIfEnded();
            _states.TakenOver(Shard) = stored;
        }
        _isTakeOver = true;
        ShardUsers.ForEach(_part, _part.ListUsersOf(Shard), static user => user.ForgetStored());
    }

    /// <summary>Remembers an ended session of the store. Call it after <see cref="TakeOver"/>.</summary>
    /// <exception cref="ArgumentException">The user is in another shard.</exception>
    public void RecoverEnded(CachedService service, Identity identity, SessionId session, TimeSpan until)
    {
        var now = _clock.Now;
        // The node that stored the end may have been behind with the uptime.
        var remaining = _clock.FromUptime(until + Domain.Limits.UptimeLag) - now;
        if (remaining <= 0)
            return;
        var hash = HashOf(service, identity);
        lock (_part.Gate)
        {
            ThrowIfEnded();
            _part.GetOrAdd(service, identity, hash).RecoverEnded(session, _loadedAt + remaining, _loadedAt);
        }
    }

    /// <summary>
    /// Tracks a user that the store holds online. An anonymous session keeps the user online, in addition to any real sessions, for one
    /// session timeout from <see cref="Open"/> on. Call it after <see cref="TakeOver"/>.
    /// </summary>
    /// <exception cref="ArgumentException">The user is in another shard.</exception>
    public void Recover(CachedService service, in StoredOnlineUser stored)
    {
        var hash = HashOf(service, stored.Identity);
        lock (_part.Gate)
        {
            ThrowIfEnded();
            _part.GetOrAdd(service, stored.Identity, hash).Recover(stored, _loadedAt);
        }
    }

    /// <summary>
    /// Opens the shard, which this node holds under the epoch. Leases continue from their remaining durations. They never end earlier than
    /// at the node before. They end later by the time for which the shard was not open, and never before
    /// <see cref="Domain.Limits.LeaseAfterMove"/> has passed. Returns the number of users.
    /// </summary>
    /// <exception cref="InvalidOperationException">The gate of the shard is not closed, or the load was stopped.</exception>
    public int Open(long epoch)
    {
        var gate = _states.Gates[Shard];
        if (gate.State != ShardGateState.Closed || !TryEnd())
            throw new InvalidOperationException($"Shard {Shard} is opened, but it is not closed.");
        var users = _part.ListUsersOf(Shard);
        if (_isTakeOver)
            ShardUsers.ForEach(_part, users, static user => user.ForgetStaleSessions());
        ShardOpening.Run(Shard, gate, epoch, _part, _states, _clock, users, _loadedAt);
        _stop.Dispose();
        return users.Count;
    }

    /// <summary>Stops the load. When this returns, it adds nothing any more. Does nothing if the shard was opened.</summary>
    public void Dispose()
    {
        if (!TryEnd())
            return;
        _stop.Cancel();
        _stop.Dispose();
    }

    private bool TryEnd()
    {
        lock (_part.Gate)
            return !_isEnded && (_isEnded = true);
    }

    private void ThrowIfEnded()
    {
        if (_isEnded)
            throw new OperationCanceledException(Stopped);
    }

    private int HashOf(CachedService service, Identity identity)
    {
        var shard = Shard.Of(service.Sid, identity);
        return shard == Shard
            ? UserTable.HashOf(shard, service.Id, identity)
            : throw new ArgumentException($"The user is in shard {shard}, not in shard {Shard}.", nameof(identity));
    }
}
