using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>
/// A cache whose entries any peer can add. It has two generations of half the capacity. When the younger one is full, the older one is
/// dropped with the entries that were not used since. Safe from any thread.
/// </summary>
/// <param name="capacity">The maximum number of entries. Threads that add at the same time may exceed it by a few.</param>
internal sealed class RecentEntries<TKey, TValue>(int capacity)
    where TKey : notnull
{
    private readonly Lock _gate = new(); // guards the change of generations; no code outside this class runs under it
    private volatile ConcurrentDictionary<TKey, TValue> _young = new();
    private volatile ConcurrentDictionary<TKey, TValue> _old = new();
    private int _youngCount; // counting a dictionary takes all its locks

    /// <summary>The number of entries.</summary>
    public int Count => _young.Count + _old.Count;

    /// <summary>Finds an entry, and marks it as used.</summary>
    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (_young.TryGetValue(key, out value))
            return true;
        if (!_old.TryRemove(key, out value))
            return false;
        value = Add(key, value);
        return true;
    }

    /// <summary>Adds an entry, and returns its value; returns the present value if there is one.</summary>
    public TValue Add(TKey key, TValue value)
    {
        var young = _young;
        if (!young.TryAdd(key, value))
            return young.GetValueOrDefault(key, value);
        if (Interlocked.Increment(ref _youngCount) < capacity / 2)
            return value;
        lock (_gate)
        {
            if (_youngCount >= capacity / 2)
                (_old, _young, _youngCount) = (_young, new(), 0);
        }
        return value;
    }

    /// <summary>Removes an entry.</summary>
    public void Remove(TKey key)
    {
        _young.TryRemove(key, out _);
        _old.TryRemove(key, out _);
    }
}
