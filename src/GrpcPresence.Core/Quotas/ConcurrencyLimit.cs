namespace GrpcPresence.Core.Quotas;

/// <summary>How many of something there are at present, and may be. Safe from any thread.</summary>
/// <param name="limit">How many there may be.</param>
public sealed class ConcurrencyLimit(int limit)
{
    private int _level;

    /// <summary>How many there are.</summary>
    public int Level => Volatile.Read(ref _level);

    /// <summary>Adds all or nothing; false when there would be too many.</summary>
    /// <param name="count">How many; 0 or more.</param>
    public bool TryAdd(int count)
    {
        while (true)
        {
            var level = Volatile.Read(ref _level);
            if (count > limit - level)
                return false;
            if (Interlocked.CompareExchange(ref _level, level + count, level) == level)
                return true;
        }
    }

    /// <summary>Removes what was added.</summary>
    public void Remove(int count) => Interlocked.Add(ref _level, -count);
}
