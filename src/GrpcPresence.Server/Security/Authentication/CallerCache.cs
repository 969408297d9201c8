using System.Collections.Concurrent;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>
/// Callers by the text of their credentials, so that a heartbeat does not verify a signature. Holds successes alone, and at most
/// <paramref name="capacity"/> of them: when half of that was added, what was not asked for since the half before is forgotten. Whoever
/// takes a caller from it
/// asks whether it has ended. Safe from any thread.
/// </summary>
/// <param name="capacity">Entries at the most.</param>
internal sealed class CallerCache(int capacity)
{
    private static readonly CredentialsComparer Comparer = new();

    private readonly Lock _gate = new(); // guards the turn of the generations; nothing is called under it

    // Keyed by the whole text: texts are told apart by a hash with a key of this process first, from which no timing can be learned.
    private volatile ConcurrentDictionary<string, Caller> _young = new(Comparer);
    private volatile ConcurrentDictionary<string, Caller> _old = new(Comparer);
    private int _youngCount;

    /// <summary>Entries at present.</summary>
    public int Count => _young.Count + _old.Count;

    /// <summary>The caller with the credentials; null when it is not known here.</summary>
    public Caller? Find(string credentials)
    {
        if (_young.TryGetValue(credentials, out var caller))
            return caller;
        if (!_old.TryRemove(credentials, out caller))
            return null;
        Add(credentials, caller);
        return caller;
    }

    /// <summary>Keeps a caller.</summary>
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

    /// <summary>Forgets a caller that has ended.</summary>
    public void Remove(string credentials)
    {
        if (_young.TryRemove(credentials, out _))
            Interlocked.Decrement(ref _youngCount);
        _old.TryRemove(credentials, out _);
    }
}
