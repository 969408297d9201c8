using System.Collections.Concurrent;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Tenants;

/// <summary>A cache of service instances by SID. A miss costs one read. Safe from any thread.</summary>
public sealed class ServiceCache(IStoreReader reader)
{
    private readonly ConcurrentDictionary<ServiceSid, CachedService> _services = new();
    private int _removals; // lets a read detect that a service instance was removed meanwhile, perhaps the one that it found
    private int _generation; // of the data: rises when the store has lost commits

    /// <summary>
    /// Raised, by any thread, when another node has switched reachability on, and this one learns of it. The tracked users of the service
    /// instance must be reconsidered.
    /// </summary>
    public event Action<CachedService>? SwitchedOn;

    /// <summary>The cached service instances.</summary>
    public IReadOnlyList<CachedService> Cached => [.. _services.Values];

    /// <summary>Returns the service instance.</summary>
    /// <exception cref="PresenceException">ServiceInstanceNotFound; StorageUnavailable on a miss.</exception>
    public ValueTask<CachedService> GetAsync(ServiceSid sid, CancellationToken cancellationToken) =>
        _services.TryGetValue(sid, out var service) && !service.IsDeleted && service.Generation == Generation
            ? new ValueTask<CachedService>(service)
            : LoadAsync(sid, cancellationToken);

    /// <summary>
    /// Returns the service instance. Reads it again if the cached one is an earlier one than another node knows, so that its SID has passed
    /// to a later one.
    /// </summary>
    /// <param name="sid">The SID.</param>
    /// <param name="id">The store's key of the service instance that another node knows.</param>
    /// <param name="cancellationToken">Cancels the read.</param>
    /// <exception cref="PresenceException">ServiceInstanceNotFound; StorageUnavailable on a read.</exception>
    public ValueTask<CachedService> GetAsync(ServiceSid sid, long id, CancellationToken cancellationToken) =>
        FindCached(sid) is { } service && service.Id < id ? LoadAsync(sid, cancellationToken) : GetAsync(sid, cancellationToken);

    /// <summary>
    /// Returns the service instance that has the SID now, because another node does not know the given one. Reads at most once every
    /// <see cref="Limits.ServiceReread"/>, so that no caller can force reads: until then, returns what the last read has found.
    /// </summary>
    /// <param name="known">The service instance that the caller has.</param>
    /// <param name="now">The time of the clock of this node.</param>
    /// <exception cref="PresenceException">Through the task: ServiceInstanceNotFound, StorageUnavailable.</exception>
    public Task<CachedService> GetCurrentAsync(CachedService known, TimeSpan now) =>
        FindCached(known.Sid) is { } later && later.Id > known.Id
            ? Task.FromResult(later)
            : known.ReadAgain(now, () => LoadAsync(known.Sid, CancellationToken.None).AsTask());

    /// <summary>Returns the service instance if it is cached; otherwise null, even if it exists.</summary>
    public CachedService? FindCached(ServiceSid sid) => _services.TryGetValue(sid, out var service) && !service.IsDeleted ? service : null;

    /// <summary>
    /// The generation of the data: rises with each <see cref="Reset"/>. Read it before what is to be applied is read or committed.
    /// </summary>
    public int Generation => Volatile.Read(ref _generation);

    /// <summary>
    /// Adds or updates a service instance that was committed or read. One of an earlier generation never replaces one of a later, and is
    /// read again before it is used.
    /// </summary>
    public CachedService Apply(ServiceRecord record, int generation)
    {
        while (true)
        {
            var service = _services.GetOrAdd(
                record.Sid, static (_, added) => new CachedService(added.record, added.generation), (record, generation));
            if (service.TryApply(record, generation))
                return service;
            TryReplace(service, record, generation);
        }
    }

    /// <summary>
    /// Updates a service instance that another node has committed, or that a poll has found changed. An older record changes nothing. One
    /// that is not cached is not added, because the message may have overtaken the one of its deletion.
    /// </summary>
    public void Update(ServiceRecord record)
    {
        if (ApplyToCached(record, Generation) is { } service)
            NotifyOfSwitch(service);
    }

    /// <summary>Removes a service instance that the store no longer has.</summary>
    public void Remove(ServiceSid sid, long id)
    {
        Interlocked.Increment(ref _removals);
        if (!_services.TryGetValue(sid, out var service) || service.Id != id)
            return;
        service.Delete();
        _services.TryRemove(KeyValuePair.Create(sid, service));
    }

    /// <summary>
    /// Makes everything that is cached outdated, because the store has lost commits: the next use of a service instance reads it, and
    /// whatever is read or committed from now on replaces what is cached, even with a lower revision. The objects stay, because tracked
    /// users refer to them.
    /// </summary>
    public void Reset()
    {
        Interlocked.Increment(ref _generation);
        Interlocked.Increment(ref _removals);
    }

    /// <summary>Updates a service instance as <see cref="Update"/> does, and leaves it to the caller to take the switch.</summary>
    internal CachedService? ApplyToCached(ServiceRecord record, int generation)
    {
        while (_services.TryGetValue(record.Sid, out var service))
        {
            if (service.TryApply(record, generation))
                return service;
            if (TryReplace(service, record, generation) is { } newer)
                return newer;
        }
        return null;
    }

    /// <summary>A read overtook the commit that deleted the older one, and that commit will not find it here.</summary>
    private CachedService? TryReplace(CachedService older, ServiceRecord record, int generation)
    {
        var newer = new CachedService(record, generation);
        if (!_services.TryUpdate(record.Sid, newer, older))
            return null;
        older.Delete();
        return newer;
    }

    private async ValueTask<CachedService> LoadAsync(ServiceSid sid, CancellationToken cancellationToken)
    {
        CachedService? added = null;
        while (true)
        {
            var (removals, generation) = (Volatile.Read(ref _removals), Generation);
            if (await reader.FindServiceAsync(sid, cancellationToken).ConfigureAwait(false) is not { } record)
            {
                // What was cached before a reset is lost too. What was added since the read began may be new.
                if (added is null && FindCached(sid) is { } cached && cached.Generation < generation)
                    added = cached;
                if (added is not null)
                    Remove(sid, added.Id);
                throw PresenceErrors.ServiceInstanceNotFound(sid);
            }
            added = Apply(record, generation);
            // A removal between the read and this line may concern this service instance. Only another read can tell.
            if (Volatile.Read(ref _removals) != removals)
                continue;
            NotifyOfSwitch(added);
            return added;
        }
    }

    private void NotifyOfSwitch(CachedService service)
    {
        if (service.TryTakeSwitch())
            SwitchedOn?.Invoke(service);
    }
}
