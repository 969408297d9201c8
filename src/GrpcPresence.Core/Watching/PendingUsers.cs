using GrpcPresence.Core.Users;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// The users that a watcher owes its client: one entry a user, in the order in which they first became dirty. Guarded by the watcher's lock.
/// </summary>
internal sealed class PendingUsers
{
    private readonly Dictionary<UserSid, PendingUser> _bySid = [];
    private PendingUser? _last;

    /// <summary>The entry to send next.</summary>
    public PendingUser? First { get; private set; }

    /// <summary>How many users are pending.</summary>
    public int Count => _bySid.Count;

    /// <summary>The newest revision that was taken since the last <see cref="Clear"/>; 0: none.</summary>
    public long Newest { get; private set; }

    /// <summary>Takes a change of a user who is pending already; false when the user is not.</summary>
    public bool TryMerge(UserState state, UpdateReasons reasons, long revision)
    {
        if (!_bySid.TryGetValue(state.Sid, out var entry))
            return false;
        entry.Merge(state, reasons, revision);
        Newest = Math.Max(Newest, revision);
        return true;
    }

    /// <summary>Adds a user who is not pending yet.</summary>
    public void Add(PendingUser entry)
    {
        _bySid.Add(entry.State.Sid, entry);
        Newest = Math.Max(Newest, entry.Revision);
        entry.Previous = _last;
        if (_last is null)
            First = entry;
        else
            _last.Next = entry;
        _last = entry;
    }

    /// <summary>Removes the first entry.</summary>
    public void RemoveFirst() => Remove(First!);

    /// <summary>Removes the user's entry when it holds nothing newer than the revision at which the user was read from the store.</summary>
    public void RemoveCovered(UserSid sid, long revision)
    {
        if (_bySid.TryGetValue(sid, out var entry) && entry.Revision <= revision)
            Remove(entry);
    }

    /// <summary>Removes everything, and lets the memory go.</summary>
    public void Clear()
    {
        _bySid.Clear();
        _bySid.TrimExcess();
        First = _last = null;
        Newest = 0;
    }

    private void Remove(PendingUser entry)
    {
        _bySid.Remove(entry.State.Sid);
        if (entry.Previous is null)
            First = entry.Next;
        else
            entry.Previous.Next = entry.Next;
        if (entry.Next is null)
            _last = entry.Previous;
        else
            entry.Next.Previous = entry.Previous;
    }
}
