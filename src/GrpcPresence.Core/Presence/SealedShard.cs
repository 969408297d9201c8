using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence.HandOver;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// A shard that its holder hands over. Use it from one thread at a time, and end with <see cref="Release"/>, <see cref="Reopen"/>, or
/// <see cref="TrackedShards.Close"/>.
/// </summary>
public sealed class SealedShard
{
    private readonly long _epoch;
    private readonly TrackerPart _part;
    private readonly ShardStates _states;
    private readonly LeaseClock _clock;
    private readonly HeartbeatStreams _streams;
    private readonly long _sealedAt;
    private readonly List<TrackedUser> _users; // no user joins a sealed shard

    internal SealedShard(
        Shard shard, long epoch, TrackerPart part, ShardStates states, LeaseClock clock, HeartbeatStreams streams, long sealedAt)
    {
        (Shard, _epoch, _part, _states, _clock, _streams, _sealedAt) = (shard, epoch, part, states, clock, streams, sealedAt);
        _users = part.ListUsersOf(shard);
    }

    /// <summary>The shard.</summary>
    public Shard Shard { get; }

    /// <summary>The number of users that were tracked at the seal.</summary>
    public int UserCount => _users.Count;

    /// <summary>
    /// Whether the writer has taken, committed and completed every change of the shard's users that the tracker queued. A change in doubt
    /// counts as queued. Other commands of the shard, and a command that is decided at this moment, are the writer's to know: the switch is
    /// a commit of its own, after them.
    /// </summary>
    public bool IsSettled()
    {
        var isSettled = true;
        ShardUsers.ForEach(_part, _users, user => isSettled &= user.IsSettled);
        return isSettled;
    }

    /// <summary>Returns what goes before the users.</summary>
    public HandOverStart Start()
    {
        lock (_part.Gate)
            return new HandOverStart(_states.TakenOver(Shard), _streams.ListOf(Shard));
    }

    /// <summary>
    /// Returns the next users, at most so many; an empty list at the end. The shard must be settled.
    /// </summary>
    /// <param name="next">Where the page begins: 0 for the first. Receives where the next one begins.</param>
    /// <param name="limit">At least 1. At most 256 users are visited under one hold of a lock.</param>
    /// <exception cref="InvalidOperationException">A user of the page is not settled.</exception>
    public IReadOnlyList<HandedUser> ListUsers(ref int next, int limit)
    {
        var page = new List<HandedUser>();
        while (page.Count < limit && next < _users.Count)
        {
            lock (_part.Gate)
            {
                var now = _clock.Now;
                var end = Math.Min(next + Math.Min(limit - page.Count, TrackerPart.UsersPerHold), _users.Count);
                for (; next < end; next++)
                {
                    var user = _users[next];
                    if (_part.Tracks(user) && !user.Service.IsDeleted)
                        page.Add(user.HandOver(_sealedAt, now));
                }
            }
        }
        return page;
    }

    /// <summary>
    /// Opens the shard again, because the hand-over was given up. Its leases continue where they stood. Does nothing if the shard was
    /// closed meanwhile.
    /// </summary>
    public void Reopen()
    {
        if (IsSealed)
            ShardOpening.Run(Shard, Sealed, _epoch, _part, _states, _clock, _users, _sealedAt);
    }

    /// <summary>
    /// Closes the shard and forgets its users, because the commit of the switch has happened. The new holder has them. The writer may have
    /// closed the gate before. Call it before the shard is loaded again. Does nothing if the shard is open again.
    /// </summary>
    public void Release()
    {
        _states.Gates.TryChange(Shard, Sealed, default);
        if (_states.Gates[Shard].State != ShardGateState.Closed)
            return;
        ShardUsers.ForEach(_part, _users, static user => user.Lose());
        _streams.Remove(Shard);
    }

    private ShardGate Sealed => new(ShardGateState.Sealed, _epoch);

    private bool IsSealed => _states.Gates[Shard] == Sealed;
}
