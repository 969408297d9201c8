namespace GrpcPresence.Core.Presence;

/// <summary>
/// Stands for one heartbeat stream: the sessions that it beat last are its own. It keeps them only when they are to end with it. Opened by making
/// it; closed with <see cref="PresenceTracker.Close"/>, and only when the client closed it. Safe from any thread.
/// </summary>
/// <param name="endSessionsOnClose">Whether the sessions that it beat last end soon after the client closes it.</param>
public sealed class HeartbeatStream(bool endSessionsOnClose)
{
    private readonly Lock _gate = new(); // guards the users; taken inside a shard's lock, and nothing is called under it
    private HashSet<TrackedUser>? _users = endSessionsOnClose ? [] : null; // null also after the close

    /// <summary>Whether the sessions that it beat last end soon after the client closes it.</summary>
    public bool EndSessionsOnClose => endSessionsOnClose;

    /// <summary>How many users have a session of this stream.</summary>
    internal int UserCount
    {
        get
        {
            lock (_gate)
                return _users?.Count ?? 0;
        }
    }

    /// <summary>The user has a session of this stream. False when the stream is closed and keeps no more.</summary>
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

    /// <summary>The user has no session of this stream any more.</summary>
    internal void Forget(TrackedUser user)
    {
        lock (_gate)
            _users?.Remove(user);
    }

    /// <summary>Ends the keeping and returns who is kept.</summary>
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
