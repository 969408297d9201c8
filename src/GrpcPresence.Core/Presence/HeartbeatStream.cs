namespace GrpcPresence.Core.Presence;

/// <summary>
/// A heartbeat stream. It owns the sessions whose last heartbeat it sent, unless a stream that was opened later owns them. It tracks them
/// only if they must end with the stream. The constructor opens it. <see cref="PresenceTracker.Close"/> closes it, only when the client
/// closed the stream. Safe from any thread.
/// </summary>
/// <param name="endSessionsOnClose">Whether the stream's sessions end soon after the client closes it.</param>
public sealed class HeartbeatStream(bool endSessionsOnClose)
{
    private static long _opened;

    private readonly long _number = Interlocked.Increment(ref _opened);
    private readonly Lock _gate = new(); // guards the users; taken inside a part's lock, and nothing is called under it
    private HashSet<TrackedUser>? _users = endSessionsOnClose ? [] : null; // null also after the close

    /// <summary>Whether the stream's sessions end soon after the client closes it.</summary>
    public bool EndSessionsOnClose => endSessionsOnClose;

    /// <summary>Whether this stream was opened before the other one.</summary>
    public bool IsOlderThan(HeartbeatStream other) => _number < other._number;

    /// <summary>The number of users that have a session of this stream.</summary>
    internal int UserCount
    {
        get
        {
            lock (_gate)
                return _users?.Count ?? 0;
        }
    }

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
