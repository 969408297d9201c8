using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// The users that a watcher owes its client: one entry a user, in the order in which they first became dirty. A watcher that owed nothing when a batch
/// came owes just what all others like it do, and holds no entries of its own until something comes that it cannot share. Guarded by the watcher's lock.
/// </summary>
internal sealed class PendingUsers
{
    private Dictionary<UserSid, PendingUser>? _bySid; // null until there are entries: most watchers have none most of the time
    private PendingUser? _first;
    private PendingUser? _last;
    private SharedChanges? _shared; // null unless it, and what follows it, is all that is owed
    private int _sharedMessages; // of it, taken
    private int _sharedUsers; // in those messages
    private Queue<SharedChanges>? _following; // null when nothing does
    private int _followingUsers;

    /// <summary>How many users are pending.</summary>
    public int Count => _shared is { } shared ? shared.Count - _sharedUsers + _followingUsers : _bySid?.Count ?? 0;

    /// <summary>The revision at which the next user to be sent became dirty; null when none is pending.</summary>
    public long? FirstDirty => _shared is { } shared ? shared[_sharedUsers].FirstDirty : _first?.FirstDirty;

    /// <summary>The newest revision that was taken since the last <see cref="Clear"/>; 0: none.</summary>
    public long Newest { get; private set; }

    /// <summary>Owes what others owe too; false when one of the users may be pending already, or there is no room.</summary>
    public bool TryShare(SharedChanges changes)
    {
        if (Count + changes.Count > Limits.PendingUsersPerWatcher)
            return false;
        if (Count == 0)
        {
            Begin(changes);
        }
        else if (_shared is not null && changes.Previous < FirstDirty && (_following?.Count ?? 0) < Limits.SharedBatchesPerWatcher - 1)
        {
            (_following ??= new Queue<SharedChanges>()).Enqueue(changes);
            _followingUsers += changes.Count;
        }
        else
        {
            return false;
        }
        Newest = Math.Max(Newest, changes.Newest);
        return true;
    }

    /// <summary>Takes a change of a user who is pending already; false when the user is not.</summary>
    public bool TryMerge(UserState state, UpdateReasons reasons, long revision)
    {
        Unshare();
        return TryMergeEntry(state, reasons, revision);
    }

    /// <summary>Adds a user who is not pending yet.</summary>
    public void Add(PendingUser entry)
    {
        Unshare();
        Append(entry);
    }

    /// <summary>The next message of what is shared; null when nothing is.</summary>
    public SharedMessage? TakeShared(MessageBuilder builder)
    {
        if (_shared is not { } shared)
            return null;
        var message = shared.MessageAt(_sharedMessages++, builder);
        _sharedUsers += message.Users.Count;
        if (_sharedUsers == shared.Count)
            BeginFollowing();
        return message;
    }

    /// <summary>Moves entries into the message, as many as it takes, when nothing is shared. Returns the newest revision among them; 0 when there was none.</summary>
    public long TakeInto(MessageBuilder message)
    {
        var newest = 0L;
        while (_first is { } entry && message.TryAdd(new UserUpdate(entry.State, entry.Reasons)))
        {
            newest = Math.Max(newest, entry.Revision);
            Remove(entry);
        }
        return newest;
    }

    /// <summary>Removes the user's entry when it holds nothing newer than the revision at which the user was read from the store.</summary>
    public void RemoveCovered(UserSid sid, long revision)
    {
        if (_bySid is not null && _bySid.TryGetValue(sid, out var entry) && entry.Revision <= revision)
            Remove(entry);
    }

    /// <summary>Removes everything, and lets the memory go.</summary>
    public void Clear()
    {
        _shared = null;
        _following = null;
        _followingUsers = 0;
        _bySid = null;
        _first = _last = null;
        Newest = 0;
    }

    /// <summary>The entries, in order.</summary>
    public PendingUser[] ToArray()
    {
        var entries = new PendingUser[Count];
        var index = 0;
        for (var entry = _first; entry is not null; entry = entry.Next)
            entries[index++] = entry;
        return entries;
    }

    // What is left of the shared users becomes entries of this watcher's own, which it may change.
    private void Unshare()
    {
        while (_shared is { } shared)
        {
            for (var index = _sharedUsers; index < shared.Count; index++)
            {
                var entry = shared[index];
                if (!TryMergeEntry(entry.State, entry.Reasons, entry.Revision))
                    Append(entry.Copy());
            }
            BeginFollowing();
        }
    }

    private void Begin(SharedChanges? changes)
    {
        if (changes is not null && _first is null)
            _bySid = null; // it may have grown large once
        _shared = changes;
        (_sharedMessages, _sharedUsers) = (0, 0);
    }

    private void BeginFollowing()
    {
        Begin(_following?.Dequeue());
        _followingUsers -= _shared?.Count ?? 0;
        if (_following is { Count: 0 })
            _following = null;
    }

    private bool TryMergeEntry(UserState state, UpdateReasons reasons, long revision)
    {
        if (_bySid is null || !_bySid.TryGetValue(state.Sid, out var entry))
            return false;
        entry.Merge(state, reasons, revision);
        Newest = Math.Max(Newest, revision);
        return true;
    }

    private void Append(PendingUser entry)
    {
        (_bySid ??= []).Add(entry.State.Sid, entry);
        Newest = Math.Max(Newest, entry.Revision);
        entry.Previous = _last;
        if (_last is null)
            _first = entry;
        else
            _last.Next = entry;
        _last = entry;
    }

    private void Remove(PendingUser entry)
    {
        _bySid!.Remove(entry.State.Sid);
        if (entry.Previous is null)
            _first = entry.Next;
        else
            entry.Previous.Next = entry.Next;
        if (entry.Next is null)
            _last = entry.Previous;
        else
            entry.Next.Previous = entry.Previous;
    }
}
