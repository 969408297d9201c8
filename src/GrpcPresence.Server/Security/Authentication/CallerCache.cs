using System.Collections.Concurrent;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>
/// Caches callers by the text of their credentials, so that a heartbeat does not verify a signature. Contains only successful
/// authentications, at most <paramref name="capacity"/>. Entries form two generations of half the capacity. When the newer generation is
/// full, unused entries of the older one are dropped. Code that uses a cached caller must check that its credentials are still valid. Safe
/// from any thread.
/// </summary>
/// <param name="capacity">The maximum number of entries.</param>
internal sealed class CallerCache(int capacity)
{
    private static readonly CredentialsComparer Comparer = new();

    private readonly Lock _gate = new(); // guards the change of generations; no code outside this class runs under it

    // The keys are whole texts. The dictionary first compares hashes that are keyed for this process, so timing reveals nothing about the
    // texts.
    private volatile ConcurrentDictionary<string, Caller> _young = new(Comparer);
    private volatile ConcurrentDictionary<string, Caller> _old = new(Comparer);
    private int _youngCount;

    /// <summary>The current number of entries.</summary>
    public int Count => _young.Count + _old.Count;

    /// <summary>Returns the caller with the credentials, or null when the cache does not contain it.</summary>
    public Caller? Find(string credentials)
    {
        if (_young.TryGetValue(credentials, out var caller))
            return caller;
        if (!_old.TryRemove(credentials, out caller))
            return null;
        Add(credentials, caller);
        return caller;
    }

    /// <summary>Adds a caller.</summary>
    public void Add(string credentials, Caller caller)
    {
        if (!_young.TryAdd(credentials, caller) || Interlocked.Increment(ref _youngCount) < capacity / 2)
            return;
        lock (_gate)
        {
            if (_youngCount < capacity / 2)
                return;
            _old = _young;
            _young = new(Comparer);
            _youngCount = 0;
        }
    }

    /// <summary>Removes a caller whose credentials are no longer valid.</summary>
    public void Remove(string credentials)
    {
        if (_young.TryRemove(credentials, out _))
            Interlocked.Decrement(ref _youngCount);
        _old.TryRemove(credentials, out _);
    }
}
