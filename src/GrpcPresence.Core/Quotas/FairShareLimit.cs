namespace GrpcPresence.Core.Quotas;

/// <summary>The answer of a <see cref="FairShareLimit{TKey}"/>.</summary>
public enum FairShareOutcome
{
    /// <summary>The unit is acquired, and must be released.</summary>
    Acquired,

    /// <summary>The key has as much as any key may have.</summary>
    KeyLimitReached,

    /// <summary>The key has its guaranteed share, and others hold the rest; or nothing is free.</summary>
    ShareReached,
}

/// <summary>
/// Limits how much each key, and all keys together, hold of a resource. Half of the total is reserved for the guaranteed shares of all
/// keys, each 1/128 of the total or one unit. So 63 keys that take all they can leave the share of another free. Of the other half, a key
/// may hold at most half as much as is free (Choudhury and Hahne's dynamic threshold). So one key alone can use most of it, and several
/// divide it. Safe from any thread.
/// </summary>
/// <typeparam name="TKey">The kind of key.</typeparam>
/// <param name="total">What all keys together may hold.</param>
/// <param name="perKey">What one key may hold.</param>
public sealed class FairShareLimit<TKey>(int total, int perKey)
    where TKey : notnull
{
    private const int SharesOfTotal = 128;

    // Guards the fields below. An innermost lock: no code logs, awaits or calls out under it.
    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, int> _held = []; // without zeros, so that it has at most as many keys as units are held
    private readonly int _share = Math.Max(1, total / SharesOfTotal);
    private int _level;
    private int _borrowed; // of the level: what keys hold beyond their shares

    /// <summary>What one key may hold.</summary>
    public int PerKey => perKey;

    /// <summary>What all keys hold.</summary>
    public int Level
    {
        get
        {
            lock (_gate)
                return _level;
        }
    }

    /// <summary>Acquires one unit for the key, if the limits and its share allow it.</summary>
    public FairShareOutcome TryAcquire(TKey key)
    {
        lock (_gate)
        {
            var held = _held.GetValueOrDefault(key);
            if (held >= perKey)
                return FairShareOutcome.KeyLimitReached;
            if (_level >= total || (held >= _share && !MayBorrow(held - _share)))
                return FairShareOutcome.ShareReached;
            if (held >= _share)
                _borrowed++;
            _held[key] = held + 1;
            _level++;
            return FairShareOutcome.Acquired;
        }
    }

    /// <summary>Releases one acquired unit of the key.</summary>
    public void Release(TKey key)
    {
        lock (_gate)
        {
            var held = _held[key] - 1;
            if (held == 0)
                _held.Remove(key);
            else
                _held[key] = held;
            if (held >= _share)
                _borrowed--;
            _level--;
        }
    }

    private bool MayBorrow(int borrowed)
    {
        var free = (total / 2) - _borrowed;
        return free > 0 && borrowed < Math.Max(1, free / 2);
    }
}
