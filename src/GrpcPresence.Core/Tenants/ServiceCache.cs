using System.Collections.Concurrent;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Tenants;

/// <summary>A cache of service instances by SID. A miss costs one read. Safe from any thread.</summary>
public sealed class ServiceCache(IStoreReader reader)
{
    private readonly ConcurrentDictionary<ServiceSid, CachedService> _services = new();
    private int _removals; // lets a read detect that a service instance was removed meanwhile, perhaps the one that it found

    /// <summary>Returns the service instance.</summary>
    /// <exception cref="PresenceException">ServiceInstanceNotFound; StorageUnavailable on a miss.</exception>
    public ValueTask<CachedService> GetAsync(ServiceSid sid, CancellationToken cancellationToken) =>
        _services.TryGetValue(sid, out var service) && !service.IsDeleted
            ? new ValueTask<CachedService>(service)
            : LoadAsync(sid, cancellationToken);

    /// <summary>Returns the service instance if it is cached; otherwise null, even if it exists.</summary>
    public CachedService? FindCached(ServiceSid sid) => _services.TryGetValue(sid, out var service) && !service.IsDeleted ? service : null;

    /// <summary>Adds or updates a service instance that was just committed or read.</summary>
    public CachedService Apply(ServiceRecord record)
    {
        while (true)
        {
            var service = _services.GetOrAdd(record.Sid, static (_, added) => new CachedService(added), record);
            if (service.Id >= record.Id)
            {
                if (service.Id == record.Id)
                    service.Apply(record.Configuration);
                return service;
            }
            // A read overtook the commit that deleted the older one, and that commit will not find it here.
            if (_services.TryUpdate(record.Sid, new CachedService(record), service))
                service.Delete();
        }
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

    private async ValueTask<CachedService> LoadAsync(ServiceSid sid, CancellationToken cancellationToken)
    {
        CachedService? added = null;
        while (true)
        {
            var removals = Volatile.Read(ref _removals);
            if (await reader.FindServiceAsync(sid, cancellationToken).ConfigureAwait(false) is not { } record)
            {
                if (added is not null)
                    Remove(sid, added.Id);
                throw PresenceErrors.ServiceInstanceNotFound(sid);
            }
            added = Apply(record);
            // A removal between the read and this line may concern this service instance. Only another read can tell.
            if (Volatile.Read(ref _removals) == removals)
                return added;
        }
    }
}
