using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Tenants;

/// <summary>A cached service instance. Safe from any thread.</summary>
public sealed class CachedService(ServiceRecord record)
{
    private readonly Lock _gate = new(); // guards the order of Apply; nothing is called under it
    private volatile ServiceConfiguration _configuration = record.Configuration;
    private int _rememberedDeletedUsers;
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

    /// <summary>Adds to <see cref="RememberedDeletedUsers"/>.</summary>
    internal void CountDeletedUser(int count) => Interlocked.Add(ref _rememberedDeletedUsers, count);

    /// <summary>Applies a committed configuration. Ignores an older one than the present, because reads overtake commits.</summary>
    public void Apply(ServiceConfiguration configuration)
    {
        lock (_gate)
        {
            if (configuration.Revision > _configuration.Revision) // a repeated read returns the same configuration: keep one object
                _configuration = configuration;
        }
    }

    /// <summary>Marks the service instance as deleted.</summary>
    public void Delete() => _deleted.TrySetResult();
}
