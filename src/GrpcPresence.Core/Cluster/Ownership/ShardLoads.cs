using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Presence;

namespace GrpcPresence.Core.Cluster.Ownership;

/// <summary>
/// The loads of shards that this node holds and has not opened yet: reads a few at a time, and opens some in each step. Nothing else of the
/// node goes on during a step, also no renewal of its confirmation. Used only by the loop of the node.
/// </summary>
internal sealed class ShardLoads(ShardLoader loader)
{
    private readonly Dictionary<Shard, (Task<ShardLoad> Load, long Epoch)> _loads = [];
    private int _reading; // those that are not complete
    private int _begun; // since the step began
    private bool _isStoreAway; // the last load has failed
    private TimeSpan _pausedUntil; // after a load that has failed

    /// <summary>Whether a step should follow at once: this one has left something to it.</summary>
    public bool HasMore { get; private set; }

    /// <summary>How many loads have failed in a row because the store did.</summary>
    public int FailuresInRow { get; private set; }

    /// <summary>The shards that are loaded, and not open yet.</summary>
    public IReadOnlyCollection<Shard> Shards => _loads.Keys;

    /// <summary>Whether the shard is loaded, and not open yet.</summary>
    public bool Contains(Shard shard) => _loads.ContainsKey(shard);

    /// <summary>
    /// Begins a step: takes loads that are complete, up to the limits of a step, and opens their shards.
    /// </summary>
    /// <param name="now">The time of the clock of this node.</param>
    /// <param name="open">Opens a shard, with its load, or null if that has failed, and its epoch. Returns the number of users.</param>
    public void Step(TimeSpan now, Func<Shard, ShardLoad?, long, int> open)
    {
        (_reading, _begun, HasMore) = (0, 0, false);
        if (_loads.Count == 0) // a dictionary that once had many entries takes long to enumerate
            return;
        var (count, users) = (0, 0);
        foreach (var (shard, (load, epoch)) in _loads)
        {
            if (!load.IsCompleted)
            {
                _reading++;
                continue;
            }
            if (count >= Limits.ShardsPerStep || users >= Limits.UsersPerStep)
            {
                HasMore = true;
                continue;
            }
            _loads.Remove(shard);
            _isStoreAway = IsStoreAway(load);
            FailuresInRow = _isStoreAway ? FailuresInRow + 1 : 0;
            if (_isStoreAway)
                _pausedUntil = now + Limits.StoreRetry;
            users += open(shard, load.IsCompletedSuccessfully ? load.Result : null, epoch);
            count++;
        }
    }

    /// <summary>Whether another load may begin in this step.</summary>
    /// <param name="isHandedOver">Whether it needs nothing of the store.</param>
    /// <param name="now">The time of the clock of this node.</param>
    public bool MayBegin(bool isHandedOver, TimeSpan now)
    {
        if (_isStoreAway && (_loads.Count > 0 || now < _pausedUntil)) // one load shows whether the store answers again
            return false;
        HasMore |= _begun >= Limits.ShardsPerStep;
        return _begun < Limits.ShardsPerStep && (isHandedOver || _reading < Limits.LoadsAtOnce);
    }

    /// <inheritdoc cref="ShardLoader.LoadAsync"/>
    public void Begin(Shard shard, long epoch, Incoming? incoming, bool isHandedOver)
    {
        var load = loader.LoadAsync(shard, incoming, isHandedOver);
        _loads[shard] = (load, epoch);
        _begun++;
        _reading += load.IsCompleted ? 0 : 1;
        HasMore |= load.IsCompleted; // the next step opens it
        _isStoreAway |= IsStoreAway(load);
    }

    /// <summary>Forgets the load of a shard, which the tracker has closed.</summary>
    public void Remove(Shard shard) => _loads.Remove(shard);

    /// <summary>Forgets all loads, whose shards the tracker has closed.</summary>
    public void Clear() => _loads.Clear();

    /// <inheritdoc cref="ShardLoader.RenewUptime"/>
    public void RenewUptime() => loader.RenewUptime();

    private static bool IsStoreAway(Task load) => load.Exception?.InnerException is StorageException;
}
