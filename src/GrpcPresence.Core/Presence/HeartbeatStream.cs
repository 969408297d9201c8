namespace GrpcPresence.Core.Presence;

/// <summary>
/// A heartbeat stream. It owns the sessions whose last heartbeat it sent, unless a stream that was opened later owns them. It tracks them
/// only if they must end with the stream. The constructor opens it. <see cref="PresenceTracker.Close"/> closes it, only when the client
/// closed the stream. Safe from any thread.
/// </summary>
/// <remarks>
/// In a cluster, a stream is open at one node and has an object at each node that has met it: see <see cref="HeartbeatStreams"/>.
/// </remarks>
public sealed class HeartbeatStream
{
    /// <summary>The <see cref="Number"/> of a stream that is older than each that was met.</summary>
    internal const long Oldest = 0;

    private static long _opened;

    private readonly Lock _gate = new(); // guards the users; taken inside a part's lock, and nothing is called under it
    private readonly MetStream? _met; // null outside of a cluster
    private long _number;
    private HashSet<TrackedUser>? _users; // null also after the close

    /// <summary>Opens a stream.</summary>
    /// <param name="endSessionsOnClose">Whether the stream's sessions end soon after the client closes it.</param>
    public HeartbeatStream(bool endSessionsOnClose)
        : this(endSessionsOnClose, Interlocked.Increment(ref _opened), met: null)
    {
    }

    internal HeartbeatStream(bool endSessionsOnClose, long number, MetStream? met)
    {
        (EndSessionsOnClose, _number, _met) = (endSessionsOnClose, number, met);
        _users = endSessionsOnClose ? [] : null;
    }

    /// <summary>Whether the stream's sessions end soon after the client closes it.</summary>
    public bool EndSessionsOnClose { get; }

    /// <summary>What a cluster knows of the stream; null outside of one.</summary>
    internal MetStream? Met => _met;

    /// <summary>The place in the order of streams.</summary>
    internal long Number => Volatile.Read(ref _number);

    /// <summary>The number of users that have a session of this stream.</summary>
    internal int UserCount
    {
        get
        {
            lock (_gate)
                return _users?.Count ?? 0;
        }
    }

    /// <summary>
    /// Whether this stream was opened before the other one. A node knows the order of the streams that were opened to it. Of streams that
    /// were opened to different nodes, the one that a holder met first counts as older.
    /// </summary>
    public bool IsOlderThan(HeartbeatStream other) =>
        _met is { } met && other._met is { } otherMet && met.Id.Ingress == otherMet.Id.Ingress
            ? met.Id.Number < otherMet.Id.Number
            : Number < other.Number;

    /// <summary>A hand-over shows the number that another node has given to the stream. The earliest meeting counts.</summary>
    internal void Lower(long number) => Volatile.Write(ref _number, _number == Oldest ? number : Math.Min(_number, number));

    /// <summary>Tracks a user that has a session of this stream. Returns false if the stream is closed or does not track users.</summary>
    internal bool TryKeep(TrackedUser user)
    {
        lock (_gate)
        {
            if (_users is null)
                return false;
            _users.Add(user);
            return true;
        }
    }

    /// <summary>Removes a user that no longer has a session of this stream.</summary>
    internal void Forget(TrackedUser user)
    {
        lock (_gate)
            _users?.Remove(user);
    }

    /// <summary>Stops tracking, and returns the tracked users.</summary>
    internal IReadOnlyCollection<TrackedUser> TakeUsers()
    {
        lock (_gate)
        {
            var users = _users;
            _users = null;
            return users is null ? [] : users;
        }
    }
}
