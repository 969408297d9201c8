using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence.HandOver;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The ids of a user's ended sessions, each kept until its lease would have expired, and for a deleted user as long as its tombstone.
/// Bounded. Guarded by the part's lock.
/// </summary>
internal sealed class EndedSessions
{
    private readonly List<Entry> _entries = [];
    private List<SessionId>? _toRemove; // stored ids that had to make room since the last take
    private int _losses; // how many times commits may have been lost

    /// <summary>Whether ids are of a deleted user, and counted as such in the service instance.</summary>
    public bool IsOfDeletedUser { get; set; }

    /// <summary>The last command that stores ids. Until it is taken or fails, it will store every id that is not stored.</summary>
    public StoreEndedSessions? Pending { get; set; }

    /// <summary>
    /// The command that stores ids again after lost commits; null if none is queued or in a commit. Not <see cref="Pending"/>: callers that
    /// end a session do not wait behind the background.
    /// </summary>
    public StoreEndedSessions? Repetition { get; set; }

    /// <summary>Whether no command will store ids.</summary>
    public bool IsSettled => Pending is null or { Completion.IsCompleted: true } && Repetition is null;

    /// <summary>Whether no id is remembered.</summary>
    public bool IsEmpty => _entries.Count == 0;

    /// <summary>When the first id expires; <see cref="long.MaxValue"/> if no id is remembered.</summary>
    public long FirstEnd
    {
        get
        {
            var first = long.MaxValue;
            foreach (var entry in _entries)
                first = Math.Min(first, entry.Until);
            return first;
        }
    }

    /// <summary>Whether the id is remembered.</summary>
    public bool Contains(SessionId id, long now) => Find(id) is { } entry && entry.Until > now;

    /// <summary>Whether the end of the session is stored.</summary>
    public bool IsStored(SessionId id) => Find(id) is { IsStored: true };

    /// <summary>
    /// Remembers the id and returns until when. Keeps the present time if it is remembered already: ending a session again does not extend
    /// the time.
    /// </summary>
    public long Add(SessionId id, long until, long now)
    {
        Forget(now);
        if (Find(id) is { } known)
            return known.Until;
        if (_entries.Count == Limits.EndedSessionsPerUser)
            Drop(_entries.MinBy(entry => entry.Until)!);
        _entries.Add(new Entry(id) { Until = until });
        return until;
    }

    /// <summary>Remembers an id that the store holds.</summary>
    public void AddStored(SessionId id, long until, long now)
    {
        Add(id, until, now);
        if (Find(id) is { } entry)
            entry.IsStored = true;
    }

    /// <summary>Returns the remembered ids, each with the time until it is forgotten.</summary>
    public IEnumerable<(SessionId Id, long Until)> List(long now)
    {
        Forget(now);
        return _entries.Select(entry => (entry.Id, entry.Until));
    }

    /// <summary>Returns the remembered ids for another node, which counts their time from this moment.</summary>
    public IReadOnlyList<HandedEnd> HandOver(long now) =>
    [
        .. _entries
            .Where(entry => entry.Until > now)
            .Select(entry => new HandedEnd(entry.Id, new TimeSpan(entry.Until - now), entry.IsStored)),
    ];

    /// <summary>Remembers an id that another node remembered.</summary>
    public void Receive(in HandedEnd handed, long now) =>
        _entries.Add(new Entry(handed.Id) { Until = now + handed.Remaining.Ticks, IsStored = handed.IsStored });

    /// <summary>Keeps each id for longer, by the time for which the clock of the shard stood still.</summary>
    public void Extend(long by)
    {
        foreach (var entry in _entries)
            entry.Until += by;
    }

    /// <summary>Replaces all ids, because the user was deleted.</summary>
    /// <param name="ids">The ids, at most as many as are remembered, each with its time.</param>
    /// <param name="stored">Those whose end the deletion stored.</param>
    public void Replace(IEnumerable<(SessionId Id, long Until)> ids, IReadOnlySet<SessionId> stored)
    {
        _entries.Clear();
        foreach (var (id, until) in ids)
            _entries.Add(new Entry(id) { Until = until, IsStored = stored.Contains(id) });
    }

    /// <summary>Takes the ids to store and those to remove from the store. An end after that needs another command.</summary>
    public UnstoredEnds TakeUnstored(StoreEndedSessions command)
    {
        if (Pending == command)
            Pending = null;
        var toRemove = _toRemove ?? [];
        _toRemove = null;
        return new UnstoredEnds([.. _entries.Where(entry => !entry.IsStored).Select(entry => (entry.Id, entry.Until))], toRemove, _losses);
    }

    /// <summary>Notes that the ends were stored, unless the commit may be lost by now.</summary>
    public void MarkStored(UnstoredEnds ends)
    {
        if (ends.Losses != _losses)
            return;
        foreach (var (id, _) in ends.ToStore)
        {
            if (Find(id) is { } entry)
                entry.IsStored = true;
        }
    }

    /// <summary>
    /// Counts no end as stored any more, because commits may be lost. Returns whether a <see cref="Repetition"/> must be queued: none will
    /// take the ends.
    /// </summary>
    public bool MarkUnstored()
    {
        _losses++;
        foreach (var entry in _entries)
            entry.IsStored = false;
        return !IsEmpty && Repetition is null or { HasTaken: true };
    }

    /// <summary>Removes expired ids.</summary>
    public void Forget(long now) => _entries.RemoveAll(entry => entry.Until <= now);

    private void Drop(Entry entry)
    {
        _entries.Remove(entry);
        if (entry.IsStored)
            (_toRemove ??= []).Add(entry.Id);
    }

    private Entry? Find(SessionId id)
    {
        foreach (var entry in _entries)
        {
            if (entry.Id == id)
                return entry;
        }
        return null;
    }

    private sealed class Entry(SessionId id)
    {
        public SessionId Id { get; } = id;

        public long Until { get; set; }

        public bool IsStored { get; set; }
    }
}

/// <summary>What a command stores of a user's <see cref="EndedSessions"/>.</summary>
/// <param name="ToStore">The ended sessions to store, each with the time until its id is forgotten.</param>
/// <param name="ToRemove">The ended sessions to remove from the store.</param>
/// <param name="Losses">How many times commits may have been lost before the ends were taken.</param>
internal sealed record UnstoredEnds(
    IReadOnlyList<(SessionId Id, long Until)> ToStore, IReadOnlyList<SessionId> ToRemove, int Losses);
