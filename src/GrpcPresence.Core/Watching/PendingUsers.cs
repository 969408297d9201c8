using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// The users that a watch still has to send. Each user has one entry, in the order in which users first became dirty; a later change keeps
/// the place. A watch of all users that keeps up has no entries of its own. It refers to batches that it shares with other watches, until a
/// pending user changes again, or until the watch is too many batches behind. The lock of the queue guards this object.
/// </summary>
internal sealed class PendingUsers
{
    private Dictionary<UserSid, PendingUser>? _bySid; // null without entries, which is the usual state of a watch
    private PendingUser? _first;
    private PendingUser? _last;
    private SharedChanges? _shared; // null while users are pending as entries
    private int _sharedMessages; // the messages taken from _shared so far
    private int _sharedUsers; // the users in those messages
    private Queue<SharedChanges>? _following; // the shared batches after _shared; null while _shared is the last
    private int _followingUsers;

    public int Count => _shared is { } shared ? shared.Count - _sharedUsers + _followingUsers : _bySid?.Count ?? 0;

    /// <summary>The revision at which the next user to be sent became dirty; null while no user is pending.</summary>
    public long? FirstDirty => _shared is { } shared ? shared[_sharedUsers].FirstDirty : _first?.FirstDirty;

    /// <summary>The newest revision that was added since the last <see cref="Clear"/>; 0 if nothing was added.</summary>
    public long Newest { get; private set; }

    /// <summary>Adds a batch by reference. Returns false if one of its users may be pending, or if a limit would be exceeded.</summary>
    public bool TryShare(SharedChanges changes)
    {
        if (Count + changes.Count > Limits.PendingUsersPerWatcher)
            return false;
        if (Count == 0)
        {
            StartSharing(changes);
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

    /// <summary>Merges a change into the entry of its user. Returns false if the user is not pending.</summary>
    public bool TryMerge(UserState state, UpdateReasons reasons, long revision)
    {
        StopSharing();
        return TryMergeEntry(state, reasons, revision);
    }

    /// <summary>Adds a user that is not pending.</summary>
    public void Add(PendingUser entry)
    {
        StopSharing();
        Append(entry);
    }

    /// <summary>Takes the next message of the shared batches. Returns null if no batch is shared.</summary>
    public SharedMessage? TakeShared(MessageBuilder builder)
    {
        if (_shared is not { } shared)
            return null;
        var message = shared.MessageAt(_sharedMessages++, builder);
        _sharedUsers += message.Users.Count;
        if (_sharedUsers == shared.Count)
            StartFollowing();
        return message;
    }

    /// <summary>Moves entries into the message until it is full. Returns their newest revision, or 0 if no entry was moved.</summary>
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

    /// <summary>Removes the entry of a user that was read from the store at the revision, unless the entry is newer.</summary>
    public void RemoveCovered(UserSid sid, long revision)
    {
        if (_bySid is not null && _bySid.TryGetValue(sid, out var entry) && entry.Revision <= revision)
            Remove(entry);
    }

    /// <summary>Removes the entries without a change above the revision. No batch may be shared.</summary>
    public void RemoveUpTo(long revision)
    {
        for (var entry = _first; entry is not null;)
        {
            var next = entry.Next;
            if (entry.Revision <= revision)
                Remove(entry);
            entry = next;
        }
    }

    /// <summary>Removes all users and releases the memory.</summary>
    public void Clear()
    {
        _shared = null;
        _following = null;
        _followingUsers = 0;
        _bySid = null;
        _first = _last = null;
        Newest = 0;
    }

    /// <summary>Enumerates the entries in order.</summary>
    public PendingUser[] ToArray()
    {
        var entries = new PendingUser[Count];
        var index = 0;
        for (var entry = _first; entry is not null; entry = entry.Next)
            entries[index++] = entry;
        return entries;
    }

    /// <summary>Turns the rest of the shared batches into entries. Unlike a shared batch, this watch may change its entries.</summary>
    private void StopSharing()
    {
        while (_shared is { } shared)
        {
            for (var index = _sharedUsers; index < shared.Count; index++)
            {
                var entry = shared[index];
                if (!TryMergeEntry(entry.State, entry.Reasons, entry.Revision))
                    Append(entry.Copy());
            }
            StartFollowing();
        }
    }

    private void StartSharing(SharedChanges? changes)
    {
        if (changes is not null && _first is null)
            _bySid = null; // an empty dictionary keeps the capacity that it once grew to
        _shared = changes;
        (_sharedMessages, _sharedUsers) = (0, 0);
    }

    private void StartFollowing()
    {
        StartSharing(_following?.Dequeue());
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

/// <summary>
/// A user with changes that a watch still has to send: an entry of <see cref="PendingUsers"/>, linked so that it can be removed from the
/// middle.
/// </summary>
internal sealed class PendingUser(UserState state, UpdateReasons reasons, long revision, long firstDirty)
{
    public UserState State { get; private set; } = state;

    /// <summary>The reasons for the changes since the user was last sent.</summary>
    public UpdateReasons Reasons { get; private set; } = reasons;

    /// <summary>The revision of the newest state.</summary>
    public long Revision { get; private set; } = revision;

    /// <summary>The revision of the first pending change. The resume token must stay below it.</summary>
    public long FirstDirty { get; } = firstDirty;

    public PendingUser? Previous { get; set; }

    public PendingUser? Next { get; set; }

    /// <summary>Returns an unlinked copy, for another list.</summary>
    public PendingUser Copy() => new(State, Reasons, Revision, FirstDirty);

    public void Merge(UserState state, UpdateReasons reasons, long revision)
    {
        Reasons |= reasons;
        if (revision < Revision)
            return;
        State = state;
        Revision = revision;
    }
}
