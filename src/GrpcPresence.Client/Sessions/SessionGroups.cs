using GrpcPresence.Client.Connections;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Sessions;

/// <summary>
/// The groups of a client: one for all sessions, or with access tokens one for each user, because a stream presents one token.
/// </summary>
internal sealed class SessionGroups(ConnectionSettings settings, SessionSettings options, UserService.UserServiceClient client)
    : IAsyncDisposable
{
    private const int GroupsBetweenPurges = 16;

    private readonly Lock _gate = new(); // guards the fields below; the locks of groups are taken inside it
    private readonly Dictionary<string, SessionGroup> _groups = new(StringComparer.Ordinal);
    private int _purgeAt = GroupsBetweenPurges;
    private bool _isDisposed;

    /// <summary>Starts a session, and returns it with the answer to its first heartbeat.</summary>
    public (PresenceSession Session, Task Started) Start(string userKey, string? sessionId)
    {
        List<SessionGroup> purged;
        (PresenceSession, Task) started;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, typeof(IPresenceClient));
            var identity = settings.Credentials.Provider is null ? "" : userKey;
            if (!_groups.TryGetValue(identity, out var group))
                _groups[identity] = group = new SessionGroup(settings, options, client, identity);
            started = group.Start(userKey, sessionId);
            purged = Purge();
        }
        // A listener of the meter is code of the program.
        settings.Telemetry.Sessions.Add(1);
        foreach (var group in purged)
            _ = group.DisposeAsync().AsTask();
        return started;
    }

    /// <summary>Makes all sessions beat now.</summary>
    public void MakeAllDue()
    {
        SessionGroup[] groups;
        lock (_gate)
            groups = [.. _groups.Values];
        foreach (var group in groups)
        {
            group.MakeAllDue();
            group.Wake();
        }
    }

    /// <summary>Ends all sessions.</summary>
    public async ValueTask DisposeAsync()
    {
        SessionGroup[] groups;
        lock (_gate)
        {
            _isDisposed = true;
            groups = [.. _groups.Values];
            _groups.Clear();
        }
        await Task.WhenAll(groups.Select(group => group.DisposeAsync().AsTask())).ConfigureAwait(false);
    }

    // Users come and go, and their groups must not stay. Looking at all of them once they have doubled costs little for each.
    private List<SessionGroup> Purge()
    {
        if (_groups.Count < _purgeAt)
            return [];
        var empty = _groups.Where(entry => entry.Value.IsEmpty).ToList();
        foreach (var (identity, _) in empty)
            _groups.Remove(identity);
        _purgeAt = (2 * _groups.Count) + GroupsBetweenPurges;
        return [.. empty.Select(entry => entry.Value)];
    }
}
