using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Tenants;

/// <summary>What this process knows of a service instance. Safe from any thread.</summary>
public sealed class CachedService(ServiceRecord record)
{
    private readonly Lock _gate = new(); // guards the order of Apply; nothing is called under it
    private volatile ServiceConfiguration _configuration = record.Configuration;
    private readonly TaskCompletionSource _deleted = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The store's key: tells a service instance from a later one with the same SID.</summary>
    public long Id { get; } = record.Id;

    /// <summary>The SID.</summary>
    public ServiceSid Sid { get; } = record.Sid;

    /// <summary>When it was created: what is older was of another with the same SID.</summary>
    public DateTimeOffset CreateTime { get; } = record.CreateTime;

    /// <summary>The newest committed configuration that this process has seen.</summary>
    public ServiceConfiguration Configuration => _configuration;

    /// <summary>Whether the service instance was deleted.</summary>
    public bool IsDeleted => _deleted.Task.IsCompleted;

    /// <summary>Completes when the service instance is deleted, for streams that must end then.</summary>
    public Task Deleted => _deleted.Task;

    /// <summary>Takes a committed configuration; an older one than is known is ignored, because reads overtake commits.</summary>
    public void Apply(ServiceConfiguration configuration)
    {
        lock (_gate)
        {
            if (configuration.Revision > _configuration.Revision) // what was read anew is the same: one object stays
                _configuration = configuration;
        }
    }

    /// <summary>Takes note of the deletion.</summary>
    public void Delete() => _deleted.TrySetResult();
}
