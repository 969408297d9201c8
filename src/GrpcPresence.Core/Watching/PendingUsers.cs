using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// The users that a watch still has to send. Each user has one entry, in the order in which users first became dirty; a later change keeps
/// the place. A watch of all users that keeps up has no entries of its own. It refers to batches that it shares with other watches, until a
/// pending user changes again, or until the watch is too many batches behind. The lock of the queue guards this object.
/// </summary>
/// <param name="limit">How many users may be pending, or be known to have been sent ahead of the token, together.</param>
internal sealed class PendingUsers(int limit = Limits.PendingUsersPerWatcher)
{
    private Dictionary<UserSid, PendingUser>? _bySid; // null without entries, which is the usual state of a watch
    private PendingUser? _first;
    private PendingUser? _last;
    private SharedChanges? _shared; // null while users are pending as entries
    private int _sharedMessages; // the messages taken from _shared so far
    private int _sharedUsers; // the users in those messages
    private Queue<SharedChanges>? _following; // the shared batches after _shared; null while _shared is the last
    private int _followingUsers;
    private SentAhead _ahead;

    public int Count => _shared is { } shared ? shared.Count - _sharedUsers + _followingUsers : _bySid?.Count ?? 0;

    /// <summary>The revision at which the next user to be sent became dirty; null while no user is pending.</summary>
    public long? FirstDirty => _shared is { } shared ? shared[_sharedUsers].FirstDirty : _first?.FirstDirty;

    /// <summary>The newest revision that was added since the users were last dropped; 0 if nothing was added.</summary>
    public long Newest { get; private set; }

    /// <summary>Whether another user may be added.</summary>
    public bool HasRoom => Count + _ahead.Count < limit;

    /// <summary>Adds a batch by reference. Returns false if one of its users may be pending, or if a limit would be exceeded.</summary>
    public bool TryShare(SharedChanges changes)
    {
        // Nothing holds the token back any more.
        if (Count == 0)
            _ahead.Clear();
        // The users of a shared batch that were sent count until its rest was sent, because they may have to be noted as sent ahead.
        if ((_shared?.Count ?? _bySid?.Count ?? 0) + _followingUsers + _ahead.Count + changes.Count > limit)
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

    /// <summary>
    /// Moves entries into the message until it is full. Returns their newest revision, or 0 if no entry was moved. Notes those that the
    /// token does not cover, because it stays below the next entry and below the gap, which begins at <paramref name="gap"/>.
    /// </summary>
    public long TakeInto(MessageBuilder message, long gap)
    {
        var (taken, newest) = (_first, 0L);
        while (_first is { } entry && message.TryAdd(new UserUpdate(entry.State, entry.Reasons)))
        {
            newest = Math.Max(newest, entry.Revision);
            Remove(entry);
        }
        var covered = Math.Min(gap, FirstDirty ?? long.MaxValue) - 1;
        for (; taken != _first; taken = taken!.Next)
        {
            if (taken!.Revision > covered)
                _ahead.Note(taken.State.Sid, new SentUser(taken.Revision, WasKnown: taken.State.IsOnline is not null));
        }
        _ahead.RemoveUpTo(covered);
        return newest;
    }

    /// <summary>
    /// Drops what a state covers that was read from the store at the revision: the entry of its user, or the reasons of a newer entry that
    /// the state shows already. Returns whether the user has changed since.
    /// </summary>
    public bool DropCovered(UserSid sid, long revision)
    {
        if (_bySid is null || !_bySid.TryGetValue(sid, out var entry))
            return false;
        if (entry.Revision <= revision)
        {
            Remove(entry);
            return false;
        }
        // A gap shows a user in its newest state, also when the newest change is one that the filter leaves out.
        if (!entry.TryDropReasonsUpTo(revision))
            Remove(entry);
        return true;
    }

    /// <summary>Removes the entries without a change above the revision. No batch may be shared.</summary>
    public void RemoveUpTo(long revision)
    {
        for (var entry = _first; entry is not null;)
        {
            var next = entry.Next;
            DropCovered(entry.State.Sid, revision);
            entry = next;
        }
    }

    /// <summary>Removes the entries that have no reasons, which only a catch-up needs.</summary>
    public void RemoveWithoutReasons()
    {
        for (var entry = _first; entry is not null;)
        {
            var next = entry.Next;
            if (entry.Reasons == UpdateReasons.None)
                Remove(entry);
            entry = next;
        }
    }

    /// <summary>Returns what was sent of the user ahead of the token; null if nothing was.</summary>
    public SentUser? SentAheadOf(UserSid sid) => _ahead.Find(sid);

    /// <summary>Notes what was sent of the user, unless that is noted already or too many users are held.</summary>
    public void NoteSentAhead(UserSid sid, SentUser sent)
    {
        if (HasRoom && _ahead.Find(sid) is null)
            _ahead.Note(sid, sent);
    }

    /// <summary>Forgets that the user was sent ahead.</summary>
    public void ForgetSentAhead(UserSid sid) => _ahead.Remove(sid);

    /// <summary>Forgets the users that were sent ahead up to the revision only.</summary>
    public void ForgetSentUpTo(long revision) => _ahead.RemoveUpTo(revision);

    /// <summary>Removes the pending users, and keeps which users were sent ahead of the token.</summary>
    public void Drop()
    {
        NoteSentOfShared();
        Release();
    }

    /// <summary>Removes everything and releases the memory.</summary>
    public void Clear()
    {
        Release();
        _ahead.Clear();
    }

    private void Release()
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
        NoteSentOfShared();
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

    /// <summary>
    /// Notes the users of a shared batch that were sent in a state from after the next one became dirty. As long as the watch shares the
    /// batch, the batch shows them.
    /// </summary>
    private void NoteSentOfShared()
    {
        if (_shared is not { } shared)
            return;
        for (var index = 0; index < _sharedUsers; index++)
        {
            var user = shared[index];
            if (user.Revision >= FirstDirty)
                _ahead.Note(user.State.Sid, new SentUser(user.Revision, WasKnown: user.State.IsOnline is not null));
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

    /// <summary>Drops the reasons of changes up to the revision. Returns whether any reason is left.</summary>
    public bool TryDropReasonsUpTo(long revision)
    {
        Reasons &= State.ReasonsSince(revision);
        return Reasons != UpdateReasons.None;
    }

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
