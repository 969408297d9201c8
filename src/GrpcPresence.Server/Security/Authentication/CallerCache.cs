using System.Collections.Concurrent;
using GrpcPresence.Core.Domain;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>
/// Caches callers by the text of their credentials, so that a heartbeat does not verify a signature. Contains only successful
/// authentications, at most <paramref name="capacity"/>, and at most <see cref="Limits.CachedCredentialsPerCaller"/> of one caller: a user
/// with many valid tokens replaces their own entries and no others. An entry that is not used makes room first (the clock algorithm, also
/// called second chance). Code that uses a cached caller must check that its credentials are still valid. Safe from any thread.
/// </summary>
/// <param name="capacity">The maximum number of entries.</param>
internal sealed class CallerCache(int capacity)
{
    private static readonly CredentialsComparer Comparer = new();

    // Guards the lists and changes of the dictionary; no code outside this class runs under it. Lookups do not take it.
    private readonly Lock _gate = new();

    // The keys are whole texts. The dictionary first compares hashes that are keyed for this process, so timing reveals nothing about the
    // texts.
    private readonly ConcurrentDictionary<string, Entry> _entries = new(Comparer);
    private readonly LinkedList<Entry> _all = new(); // the next one to make room comes first
    private readonly Dictionary<CallerId, LinkedList<Entry>> _ofOwners = [];

    /// <summary>The current number of entries.</summary>
    public int Count => _entries.Count;

    /// <summary>Returns the caller with the credentials, or null when the cache does not contain it.</summary>
    public Caller? Find(string credentials)
    {
        if (!_entries.TryGetValue(credentials, out var entry))
            return null;
        // Read first: writing at every call would move the line of memory between processors.
        if (!entry.IsUsed)
            entry.IsUsed = true;
        return entry.Caller;
    }

    /// <summary>Adds a caller.</summary>
    public void Add(string credentials, Caller caller)
    {
        var owner = caller.Id;
        lock (_gate)
        {
            if (_entries.ContainsKey(credentials))
                return;
            if (!_ofOwners.TryGetValue(owner, out var own))
                _ofOwners.Add(owner, own = new LinkedList<Entry>());
            if (own.Count >= Limits.CachedCredentialsPerCaller)
                Remove(FindUnused(own));
            else if (_entries.Count >= capacity)
                Remove(FindUnused(_all));
            // Removing the only other entry of this caller has removed its list.
            _ofOwners.TryAdd(owner, own);
            var entry = new Entry(credentials, caller);
            entry.Place = _all.AddLast(entry);
            entry.OwnPlace = own.AddLast(entry);
            _entries[credentials] = entry;
        }
    }

    /// <summary>Removes a caller whose credentials are no longer valid.</summary>
    public void Remove(string credentials)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue(credentials, out var entry))
                Remove(entry);
        }
    }

    /// <summary>Returns the first entry that was not used since the search last passed it. Moves the others to the end.</summary>
    private static Entry FindUnused(LinkedList<Entry> entries)
    {
        for (var left = entries.Count; left > 0 && entries.First!.Value.IsUsed; left--)
        {
            var first = entries.First;
            first.Value.IsUsed = false;
            entries.RemoveFirst();
            entries.AddLast(first);
        }
        return entries.First!.Value;
    }

    private void Remove(Entry entry)
    {
        _entries.TryRemove(entry.Credentials, out _);
        _all.Remove(entry.Place!);
        var own = entry.OwnPlace!.List!;
        own.Remove(entry.OwnPlace);
        if (own.Count == 0)
            _ofOwners.Remove(entry.Caller.Id);
    }

    private sealed class Entry(string credentials, Caller caller)
    {
        public string Credentials => credentials;

        public Caller Caller => caller;

        public bool IsUsed { get; set; }

        public LinkedListNode<Entry>? Place { get; set; }

        public LinkedListNode<Entry>? OwnPlace { get; set; }
    }
}
