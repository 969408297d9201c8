using System.Runtime.CompilerServices;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The presence tracker: the sessions and leases of all users, in memory. Queues every transition for the writer, whether or not
/// reachability is recorded. Safe from any thread.
/// </summary>
public sealed class PresenceTracker : ITrackedUsers
{
    /// <summary>64 parts: many more than cores, so that two heartbeats seldom contend for a lock.</summary>
    internal const int PartBits = 6;

    private readonly TimeProvider _time;
    private readonly LeaseClock _clock;
    private readonly TrackerPart[] _parts = new TrackerPart[1 << PartBits];
    private readonly LeaseSweep _sweep;
    private readonly ShardGates? _gates; // null outside of a cluster: then no shard is computed
    private volatile bool _isResumed;
    private int _isTicking;

    /// <summary>Creates a tracker without users.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="queue">Receives transitions.</param>
    /// <param name="metrics">The metrics.</param>
    /// <param name="gates">The gates of a cluster's shards, all closed; null for a node that decides about all users.</param>
    public PresenceTracker(TimeProvider time, CommandQueue queue, PresenceMetrics metrics, ShardGates? gates = null)
    {
        _time = time;
        _clock = new LeaseClock(time);
        _gates = gates;
        var states = gates is null ? null : new ShardStates(gates);
        for (var index = 0; index < _parts.Length; index++)
            _parts[index] = new TrackerPart(_clock, queue, Sids, states);
        _sweep = new LeaseSweep(_parts, queue, metrics);
        if (states is not null)
            Shards = new TrackedShards(_parts, states, _clock, Streams = new HeartbeatStreams(_clock));
    }

    /// <summary>Opens, closes and moves the shards of a cluster; null outside of one.</summary>
    public TrackedShards? Shards { get; }

    /// <summary>The heartbeat streams that a node of a cluster has met; null outside of one.</summary>
    public HeartbeatStreams? Streams { get; }

    /// <summary>The number of live sessions, without the anonymous sessions of recovered users.</summary>
    public long LiveSessions => _parts.Sum(part => Volatile.Read(ref part.LiveSessions));

    /// <inheritdoc/>
    public TimeSpan? Uptime => _isResumed ? _clock.ToUptime(_clock.Now) : null;

    /// <summary>The number of tracked users.</summary>
    internal long TrackedUsers => _parts.Sum(part => (long)part.Users.Count);

    /// <summary>The index of tracked users by SID.</summary>
    internal SidIndex Sids { get; } = new();

    /// <summary>
    /// Handles a heartbeat: begins a session's lease or renews it, for the present session timeout. The lease stays renewed even if storing
    /// the transition fails. Allocates nothing if the session lives and the user's presence is stored.
    /// </summary>
    /// <param name="service">The service instance.</param>
    /// <param name="user">The user.</param>
    /// <param name="session">The session.</param>
    /// <param name="stream">
    /// The heartbeat stream that sent the heartbeat, or null. The stream owns the session from now on, unless a stream that was opened
    /// later owns it.
    /// </param>
    public HeartbeatResult Beat(CachedService service, in UserRef user, SessionId session, HeartbeatStream? stream)
    {
        ThrowIfEmpty(session);
        if (service.IsDeleted)
            return HeartbeatResult.Rejected(ErrorReason.ServiceInstanceNotFound);
        var timeout = service.Configuration.SessionTimeout.Ticks;
        var part = PartOf(service.Sid, service.Id, user.Identity, out var hash);
        lock (part.Gate)
        {
            if (IsMoved(hash))
                return HeartbeatResult.Moved(UserTable.ShardOf(hash));
            var now = _clock.Now;
            if (stream?.Met is { } met && !met.Has(UserTable.ShardOf(hash)))
                stream = Streams!.Enter(stream, UserTable.ShardOf(hash));
            return part.GetOrAdd(service, user.Identity, hash).Beat(user, session, now, now + timeout, stream);
        }
    }

    /// <summary>
    /// Ends a session at once and remembers its id until the lease would have expired. Remembers the id of a session that does not live for
    /// one session timeout, so that a delayed heartbeat does not begin it again. Ending it again changes nothing. If this was the last
    /// session, stores the user's transition. Completes when all of this is stored, so that it holds after a restart.
    /// </summary>
    /// <exception cref="PresenceException">
    /// Through the task: UserNotFound, StorageUnavailable, ServerStopping. In a cluster also <see cref="ShardMovedException"/>: the call
    /// belongs to the holder of the shard, where repeating it is harmless.
    /// </exception>
    public Task EndSession(CachedService service, in UserRef user, SessionId session) =>
        BeginEnd(service, user, session, exists: true).WhenStored();

    /// <summary>Ends a session as <see cref="EndSession"/> does.</summary>
    /// <param name="service">The service instance.</param>
    /// <param name="user">The user.</param>
    /// <param name="session">The session.</param>
    /// <param name="exists">
    /// Whether the user is known to exist. Otherwise the task fails with UserNotFound if the tracker does not know it either.
    /// </param>
    internal SessionEnd BeginEnd(CachedService service, in UserRef user, SessionId session, bool exists)
    {
        ThrowIfEmpty(session);
        var timeout = service.Configuration.SessionTimeout.Ticks;
        var part = PartOf(service.Sid, service.Id, user.Identity, out var hash);
        lock (part.Gate)
        {
            if (IsMoved(hash))
                return new SessionEnd(Task.FromException(new ShardMovedException(UserTable.ShardOf(hash))));
            if (!exists && part.Users.Find(service.Id, user.Identity, hash) is not { Exists: true })
                return new SessionEnd(Task.FromException(PresenceErrors.UserNotFound(user.Sid is { } sid ? sid : user.Identity)));
            var tracked = part.GetOrAdd(service, user.Identity, hash);
            return tracked.IsOther(user.Sid)
                ? new SessionEnd(Task.FromException(PresenceErrors.UserNotFound(user.Sid!.Value)))
                : tracked.End(session, _clock.Now, timeout);
        }
    }

    /// <summary>Returns the live sessions of a user, the most recent heartbeat first.</summary>
    /// <exception cref="PresenceException">UserNotFound: another user has the identity now.</exception>
    /// <exception cref="ShardMovedException">In a cluster: the call belongs to the holder of the shard.</exception>
    public SessionList ListSessions(CachedService service, in UserRef user)
    {
        List<LiveSession> sessions;
        bool recovering;
        long now;
        var part = PartOf(service.Sid, service.Id, user.Identity, out var hash);
        lock (part.Gate)
        {
            if (IsMoved(hash))
                throw new ShardMovedException(UserTable.ShardOf(hash));
            now = _clock.Now;
            if (part.Users.Find(service.Id, user.Identity, hash) is not { } tracked)
                return new SessionList([], Recovering: false);
            if (tracked.IsOther(user.Sid))
                throw PresenceErrors.UserNotFound(user.Sid!.Value);
            (sessions, recovering) = tracked.List(now);
        }
        var wall = _time.GetUtcNow();
        return new SessionList(
            [.. sessions.OrderByDescending(session => session.LastBeat).Select(session => new SessionInfo(
                session.Id.Unpack(), wall.AddTicks(session.LastBeat - now), wall.AddTicks(session.LeaseEnd - now)))],
            recovering);
    }

    /// <summary>
    /// Shortens the leases of the sessions that the stream still owns to the present debounce, unless they end earlier. Call it when the
    /// client closed a stream that asked for this. Do not call it for a stream that the server ends. In a cluster, see
    /// <see cref="TrackedShards.CloseStream"/>.
    /// </summary>
    public void Close(HeartbeatStream stream)
    {
        foreach (var user in stream.TakeUsers())
        {
            var part = PartOf(user.Hash);
            lock (part.Gate)
            {
                if (!IsMoved(user.Hash))
                    user.Close(stream, _clock.Now);
            }
        }
    }

    /// <summary>
    /// Continues the uptime of earlier processes, and stops the time of leases until <see cref="Start"/>. Call it once, before anything is
    /// recovered.
    /// </summary>
    public void Resume(ServerUptime before)
    {
        _clock.Stop();
        _clock.Continue(before);
        _isResumed = true;
    }

    /// <summary>
    /// Raises the uptime to that of the cluster, if it is higher; never lowers it. The nodes of a cluster share one uptime. That of a node
    /// falls behind while the node is paused. Leases and ended sessions in memory last as long as before. After a take-over, ends that the
    /// node stored while it was behind would be forgotten too early: <see cref="Limits.UptimeLag"/> makes up for this.
    /// </summary>
    public void RaiseUptime(TimeSpan cluster) => _clock.RaiseUptime(cluster);

    /// <summary>Remembers a session that ended before the start, up to an uptime. Call it after <see cref="Resume"/>.</summary>
    public void RecoverEnded(CachedService service, Identity identity, SessionId session, TimeSpan until)
    {
        var now = _clock.Now;
        if (_clock.FromUptime(until) is var end && end <= now)
            return;
        var part = PartOf(service.Sid, service.Id, identity, out var hash);
        lock (part.Gate)
            part.GetOrAdd(service, identity, hash).RecoverEnded(session, end, now);
    }

    /// <summary>
    /// Tracks a user that the store held online before the start. An anonymous session keeps the user online, in addition to any real
    /// sessions, for one session timeout from <see cref="Start"/> on, or shorter: see <see cref="Limits.MaxUnseen"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // a start ends before the runtime compiles a method again
    public void Recover(CachedService service, in StoredOnlineUser stored)
    {
        var part = PartOf(service.Sid, service.Id, stored.Identity, out var hash);
        lock (part.Gate)
            part.GetOrAdd(service, stored.Identity, hash).Recover(stored, _clock.Now);
    }

    /// <summary>Starts the time of leases. Call it when the service is ready.</summary>
    public void Start() => _clock.Start();

    /// <summary>
    /// Advances the clock and ends expired leases. Call it once per <see cref="Limits.Tick"/>. Returns at once if the previous call is
    /// still running, and before <see cref="Start"/>: a lease that ends at once must not end before.
    /// </summary>
    public void Tick()
    {
        if (!_clock.IsRunning || Interlocked.Exchange(ref _isTicking, 1) != 0)
            return;
        try
        {
            _clock.Tick();
            _sweep.Run();
        }
        finally
        {
            Volatile.Write(ref _isTicking, 0);
        }
    }

    /// <inheritdoc/>
    public SessionsToEnd FindSessionsToEnd(ServiceSid service, long serviceId, Identity identity, TimeSpan retention)
    {
        var part = PartOf(service, serviceId, identity, out var hash);
        lock (part.Gate)
            return part.Users.Find(serviceId, identity, hash)?.FindSessionsToEnd(retention) ?? SessionsToEnd.None;
    }

    /// <inheritdoc/>
    public void Delete(ServiceSid service, long serviceId, Identity identity, TimeSpan retention, SessionsToEnd stored)
    {
        var part = PartOf(service, serviceId, identity, out var hash);
        lock (part.Gate)
            part.Users.Find(serviceId, identity, hash)?.Delete(retention, stored);
    }

    /// <inheritdoc/>
    public void Reconsider(CachedService service)
    {
        foreach (var part in _parts)
        {
            var bucketCount = 0;
            for (var bucket = 0; bucket >= 0;)
                bucket = part.ReconsiderBatch(service, bucket, ref bucketCount);
        }
    }

    /// <summary>
    /// Whether the user is known to exist, without reading the store: the writer has found the user, or a live session may create it. False
    /// if another node holds the shard of the user.
    /// </summary>
    internal bool Exists(CachedService service, Identity identity)
    {
        var part = PartOf(service.Sid, service.Id, identity, out var hash);
        lock (part.Gate)
            return !IsMoved(hash) && part.Users.Find(service.Id, identity, hash) is { Exists: true };
    }

    private TrackerPart PartOf(ServiceSid service, long serviceId, Identity identity, out int hash) => PartOf(hash = _gates is null
        ? UserTable.HashOf(serviceId, identity)
        : UserTable.HashOf(Shard.Of(service, identity), serviceId, identity));

    // Call it under the part's lock: then a seal that has taken the lock knows that nothing goes on that saw the open gate.
    private bool IsMoved(int hash) => _gates is { } gates && !gates.IsOpen(UserTable.ShardOf(hash));

    private TrackerPart PartOf(int hash) => _parts[hash & (_parts.Length - 1)];

    // The empty id is reserved for the anonymous session, which no client may renew or end.
    private static void ThrowIfEmpty(SessionId session)
    {
        if (session.IsEmpty)
            throw new ArgumentException("A session id is required.", nameof(session));
    }
}
