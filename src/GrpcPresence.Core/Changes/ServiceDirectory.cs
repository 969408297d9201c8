using System.Collections.Concurrent;
using GrpcPresence.Core.Changes.Store;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Errors;

namespace GrpcPresence.Core.Changes;

/// <summary>The service instances that this process has met, by SID. A miss is one read. Safe from any thread.</summary>
public sealed class ServiceDirectory(IStoreReader reader)
{
    private readonly ConcurrentDictionary<ServiceSid, LiveService> _services = new();

    /// <summary>The service instance.</summary>
    /// <exception cref="PresenceException">ServiceInstanceNotFound; StorageUnavailable on a miss.</exception>
    public ValueTask<LiveService> GetAsync(ServiceSid sid, CancellationToken cancellationToken) =>
        _services.TryGetValue(sid, out var service) && !service.IsDeleted
            ? new ValueTask<LiveService>(service)
            : LoadAsync(sid, cancellationToken);

    /// <summary>Takes what was just committed, or read: adds the service instance, or brings it up to date.</summary>
    public LiveService Apply(ServiceRecord record)
    {
        var service = _services.AddOrUpdate(
            record.Sid,
            static (_, added) => new LiveService(added),
            static (_, known, added) => added.Id > known.Id ? new LiveService(added) : known,
            record);
        if (service.Id == record.Id)
            service.Apply(record.Configuration);
        return service;
    }

    /// <summary>Forgets a service instance that the store does not have any more.</summary>
    public void Remove(ServiceSid sid, long id)
    {
        if (!_services.TryGetValue(sid, out var service) || service.Id != id)
            return;
        service.Delete();
        _services.TryRemove(KeyValuePair.Create(sid, service));
    }

    private async ValueTask<LiveService> LoadAsync(ServiceSid sid, CancellationToken cancellationToken)
    {
        var record = await reader.FindServiceAsync(sid, cancellationToken).ConfigureAwait(false)
            ?? throw Refusals.ServiceInstanceNotFound(sid);
        return Apply(record);
    }
}
