using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Tenants;

/// <summary>
/// A cached service instance. The object stays the same while the configuration changes, so that tracked users see the change. Safe from
/// any thread.
/// </summary>
/// <param name="record">The service instance.</param>
/// <param name="generation">The generation of the cache in which the record was read.</param>
public sealed class CachedService(ServiceRecord record, int generation = 0)
{
    private readonly Lock _gate = new(); // guards the order of TryApply; nothing is called under it
    private volatile ServiceConfiguration _configuration = record.Configuration;
    private long _reconsidered = record.Configuration.SwitchedOnRevision;
    private int _generation = generation; // written under the lock, read without it
    private int _rememberedDeletedUsers;
    private Reread? _reread;
    private readonly TaskCompletionSource _deleted = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The store's key. Distinguishes a service instance from a later one with the same SID.</summary>
    public long Id { get; } = record.Id;

    /// <summary>The SID.</summary>
    public ServiceSid Sid { get; } = record.Sid;

    /// <summary>When the service instance was created. Anything older belongs to another one with the same SID.</summary>
    public DateTimeOffset CreateTime { get; } = record.CreateTime;

    /// <summary>The newest committed configuration known to this process.</summary>
    public ServiceConfiguration Configuration => _configuration;

    /// <summary>Whether the service instance is deleted.</summary>
    public bool IsDeleted => _deleted.Task.IsCompleted;

    /// <summary>Completes when the service instance is deleted, so that its streams end.</summary>
    public Task Deleted => _deleted.Task;

    /// <summary>The deleted users whose sessions stay ended for as long as their tombstones are kept.</summary>
    internal int RememberedDeletedUsers => Volatile.Read(ref _rememberedDeletedUsers);

    /// <summary>The generation of the cache in which the configuration was read.</summary>
    internal int Generation => Volatile.Read(ref _generation);

    /// <summary>
    /// Whether reachability was switched on by a configuration that was applied since the last call, and is on. Returns true once for each
    /// switch: its online users must then be reconsidered, whichever node switched.
    /// </summary>
    public bool TryTakeSwitch()
    {
        if (_configuration.SwitchedOnRevision == Volatile.Read(ref _reconsidered))
            return false;
        lock (_gate)
        {
            var isTaken = _configuration.SwitchedOnRevision != _reconsidered && _configuration.ReachabilityEnabled;
            if (isTaken)
                _reconsidered = _configuration.SwitchedOnRevision;
            return isTaken;
        }
    }

    /// <summary>Marks the service instance as deleted.</summary>
    public void Delete() => _deleted.TrySetResult();

    /// <summary>
    /// Reads the service instance that has the SID now, or returns the task of the last read if that began less than
    /// <see cref="Limits.ServiceReread"/> ago.
    /// </summary>
    /// <param name="now">The time of a monotonic clock, the same in each call.</param>
    /// <param name="read">Reads.</param>
    internal Task<CachedService> ReadAgain(TimeSpan now, Func<Task<CachedService>> read)
    {
        var last = Volatile.Read(ref _reread);
        if (last is not null && now - last.At < Limits.ServiceReread)
            return last.Result.Task;
        var next = new Reread(now);
        if (Interlocked.CompareExchange(ref _reread, next, last) != last)
            return ReadAgain(now, read); // another thread has begun
        _ = next.CompleteAsync(read);
        return next.Result.Task;
    }

    /// <summary>Adds to <see cref="RememberedDeletedUsers"/>.</summary>
    internal void CountDeletedUser(int count) => Interlocked.Add(ref _rememberedDeletedUsers, count);

    /// <summary>
    /// Applies a committed record. Ignores an older one than the present, because reads overtake commits and messages of other nodes
    /// overtake each other. Returns false if the record is of another service instance that took the SID.
    /// </summary>
    internal bool TryApply(ServiceRecord record, int generation)
    {
        lock (_gate)
        {
            // Revisions and keys of two generations cannot be compared.
            var isNewerData = generation > _generation;
            if (record.Id != Id || record.CreateTime != CreateTime)
                return generation < _generation || (!isNewerData && record.Id <= Id);
            // A repeated read returns the same configuration: keep one object.
            if (isNewerData || (generation == _generation && record.Configuration.Revision > _configuration.Revision))
                _configuration = record.Configuration;
            if (isNewerData)
                (_generation, _reconsidered) = (generation, -1);
            return true;
        }
    }

    /// <summary>A read of the service instance that has the SID now, and when it began.</summary>
    private sealed class Reread(TimeSpan at)
    {
        public TimeSpan At => at;

        public TaskCompletionSource<CachedService> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async Task CompleteAsync(Func<Task<CachedService>> read)
        {
            var reading = read();
            await ((Task)reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Result.TrySetFromTask(reading);
            _ = Result.Task.Exception; // observed: the callers may be gone
        }
    }
}
