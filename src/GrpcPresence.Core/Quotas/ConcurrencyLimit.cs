namespace GrpcPresence.Core.Quotas;

/// <summary>Limits how many streams, or watched users, are open at the same time. Safe from any thread.</summary>
/// <param name="limit">The maximum number.</param>
public sealed class ConcurrencyLimit(int limit)
{
    private int _limit = limit;
    private int _level;

    /// <summary>The present number.</summary>
    public int Level => Volatile.Read(ref _level);

    /// <summary>Adds all or nothing; returns false if the limit would be exceeded.</summary>
    /// <param name="count">How many; 0 or more.</param>
    public bool TryAdd(int count)
    {
        while (true)
        {
            var level = Volatile.Read(ref _level);
            if (count > Volatile.Read(ref _limit) - level)
                return false;
            if (Interlocked.CompareExchange(ref _level, level + count, level) == level)
                return true;
        }
    }

    /// <summary>Sets another limit. If more was added already, it stays until it is removed.</summary>
    public void SetLimit(int limit) => Volatile.Write(ref _limit, limit);

    /// <summary>Removes what was added.</summary>
    public void Remove(int count) => Interlocked.Add(ref _level, -count);
}
