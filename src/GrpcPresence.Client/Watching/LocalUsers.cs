using System.Collections.Immutable;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Watching;

/// <summary>
/// What a watch knows, and what a message of the server changes about it. Takes one message at a time, from one thread; the state can be
/// read from any thread.
/// <list type="number">
/// <item>A <c>reset</c> begins a snapshot beside the state. The state stays as it is until the snapshot is complete.</item>
/// <item><c>synced</c> completes the snapshot. What differs from the state is a change; then the snapshot is the state.</item>
/// <item>The switch of reachability that comes with a stream counts from <c>synced</c> on, as the users that it explains do.</item>
/// <item>An update whose revision is known already is a repetition, and changes nothing.</item>
/// <item>An update before <c>synced</c> of a resume may repeat reasons. What differs from the state decides.</item>
/// <item>What the watch concludes by itself has the reasons that the server would have sent: only those that the watch asks for.</item>
/// <item>An update after <c>synced</c> has the reasons of what happened since the last one, even if the user is back where they were.
/// </item>
/// </list>
/// </summary>
internal sealed class LocalUsers(UserView view, IReadOnlyCollection<UpdateReason> reasons)
{
    private static readonly ImmutableDictionary<string, PresenceUser> Nobody =
        ImmutableDictionary.Create<string, PresenceUser>(StringComparer.Ordinal);

    private ImmutableDictionary<string, PresenceUser> _users = Nobody;
    private ImmutableDictionary<string, PresenceUser>.Builder? _snapshot;
    private bool _isSynced; // this stream
    private bool _hasState;
    private bool _isReachabilityEnabledWhenSynced;

    /// <summary>The users by identity.</summary>
    public ImmutableDictionary<string, PresenceUser> Users => Volatile.Read(ref _users);

    /// <summary>Whether reachability is on.</summary>
    public bool IsReachabilityEnabled { get; private set; }

    /// <summary>Where the next stream resumes; empty for a snapshot.</summary>
    public string ResumeToken { get; private set; } = "";

    /// <summary>Begins another stream. Half a snapshot of the one before is worthless.</summary>
    public void BeginStream()
    {
        _snapshot = null;
        _isSynced = false;
        _isReachabilityEnabledWhenSynced = IsReachabilityEnabled;
    }

    /// <summary>Makes the next stream begin with a snapshot.</summary>
    public void ForgetToken() => ResumeToken = "";

    /// <summary>Takes in a message, and returns what it changed.</summary>
    public IReadOnlyList<UserUpdate> Take(WatchUsersResponse message)
    {
        IReadOnlyList<UserUpdate> changes = [];
        switch (message.EventCase)
        {
            case WatchUsersResponse.EventOneofCase.Configuration:
                _isReachabilityEnabledWhenSynced = message.Configuration.ReachabilityEnabled;
                if (_isSynced)
                    IsReachabilityEnabled = _isReachabilityEnabledWhenSynced;
                break;
            case WatchUsersResponse.EventOneofCase.Reset:
                // A watch that breaks before `synced` must get the whole snapshot again.
                ResumeToken = "";
                _snapshot = Nobody.ToBuilder();
                break;
            case WatchUsersResponse.EventOneofCase.Updates when _snapshot is not null:
                foreach (var update in message.Updates.Updates)
                    _snapshot[update.User.Identity] = PresenceUser.From(update.User);
                break;
            case WatchUsersResponse.EventOneofCase.Updates:
                changes = TakeChanges(message.Updates.Updates);
                break;
            case WatchUsersResponse.EventOneofCase.Synced:
                changes = CompleteSnapshot();
                _isSynced = true;
                IsReachabilityEnabled = _isReachabilityEnabledWhenSynced;
                break;
        }
        if (message.ResumeToken.Length > 0)
            ResumeToken = message.ResumeToken;
        return changes;
    }

    private List<UserUpdate> CompleteSnapshot()
    {
        var changes = new List<UserUpdate>();
        if (_snapshot is null)
            return changes;
        var (before, after) = (_users, _snapshot.ToImmutable());
        _snapshot = null;
        // The first snapshot is a state, not a change.
        if (_hasState)
        {
            foreach (var known in before.Values)
            {
                if (!after.TryGetValue(known.Identity, out var user) || user.Sid != known.Sid)
                    changes.Add(Deletion(known, known.Revision));
            }
            foreach (var user in after.Values)
            {
                var known = before.GetValueOrDefault(user.Identity);
                Add(changes, user, known?.Sid == user.Sid ? known : null, Selected(Differences(known, user)));
            }
        }
        _hasState = true;
        Volatile.Write(ref _users, after);
        return changes;
    }

    private List<UserUpdate> TakeChanges(IEnumerable<V1.UserUpdate> updates)
    {
        var changes = new List<UserUpdate>();
        var users = _users.ToBuilder();
        foreach (var update in updates)
        {
            var known = users.GetValueOrDefault(update.User.Identity);
            var isSame = known?.Sid == update.User.Sid;
            if (update.UpdateReasons.Contains(UpdateReason.Deleted))
            {
                // Another user may have taken the identity already, and the watch may never have known this one.
                if (!isSame)
                    continue;
                users.Remove(known!.Identity);
                changes.Add(Deletion(known, update.User.Revision));
                continue;
            }
            if (isSame && update.User.Revision <= known!.Revision)
                continue;
            var user = PresenceUser.From(update.User);
            users[user.Identity] = user;
            if (known is not null && !isSame)
                changes.Add(Deletion(known, known.Revision));
            Add(changes, user, isSame ? known : null, ReasonsOf(update, isSame ? known : null, user));
        }
        Volatile.Write(ref _users, users.ToImmutable());
        return changes;
    }

    private List<UpdateReason> ReasonsOf(V1.UserUpdate update, PresenceUser? known, PresenceUser user)
    {
        if (known is null)
            return [.. update.UpdateReasons];
        if (_isSynced)
            return [.. update.UpdateReasons.Where(reason => reason != UpdateReason.Created)];
        var differences = Differences(known, user);
        return [.. update.UpdateReasons.Where(reason => differences.Contains(reason) || !IsComparable(reason))];
    }

    // A snapshot also shows changes whose reasons the watch does not ask for. The server would have left these reasons out.
    private List<UpdateReason> Selected(List<UpdateReason> found) => reasons.Count == 0 ? found : [.. found.Where(reasons.Contains)];

    private static void Add(List<UserUpdate> changes, PresenceUser user, PresenceUser? known, List<UpdateReason> found)
    {
        if (found.Count > 0)
            changes.Add(new UserUpdate(user, known, found));
    }

    private bool IsComparable(UpdateReason reason) => reason switch
    {
        UpdateReason.Created => true,
        UpdateReason.FriendlyName or UpdateReason.Attributes or UpdateReason.Role => view != UserView.Reachability,
        UpdateReason.ReachabilityOnline or UpdateReason.ReachabilityNotifiable => view != UserView.Basic,
        _ => false, // a reason of a newer server
    };

    private static UserUpdate Deletion(PresenceUser known, long revision) => new(
        new PresenceUser { Identity = known.Identity, Sid = known.Sid, Revision = revision }, known, [UpdateReason.Deleted]);

    private static List<UpdateReason> Differences(PresenceUser? known, PresenceUser user)
    {
        if (known is null || known.Sid != user.Sid)
            return ReasonsOfUnknown(user);
        var differences = new List<UpdateReason>();
        if (known.FriendlyName != user.FriendlyName)
            differences.Add(UpdateReason.FriendlyName);
        if (known.Attributes != user.Attributes)
            differences.Add(UpdateReason.Attributes);
        if (known.RoleSid != user.RoleSid)
            differences.Add(UpdateReason.Role);
        // A user that was online meanwhile, and is offline again, has gone offline at another time.
        if (known.IsOnline != user.IsOnline || known.LastOnlineTime != user.LastOnlineTime)
            differences.Add(UpdateReason.ReachabilityOnline);
        if (known.IsNotifiable != user.IsNotifiable)
            differences.Add(UpdateReason.ReachabilityNotifiable);
        return differences;
    }

    // Reachability begins as null, and a change from null counts. A profile begins with the values of the creation.
    private static List<UpdateReason> ReasonsOfUnknown(PresenceUser user)
    {
        var created = new List<UpdateReason> { UpdateReason.Created };
        if (user.IsOnline is not null)
            created.Add(UpdateReason.ReachabilityOnline);
        if (user.IsNotifiable is not null)
            created.Add(UpdateReason.ReachabilityNotifiable);
        return created;
    }
}
