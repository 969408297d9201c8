using System.Collections.Immutable;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Testing;

/// <summary>All data of a store at one moment. Immutable.</summary>
public sealed record StoreImage
{
    /// <summary>The generation of the writer.</summary>
    public long Generation { get; init; }

    /// <summary>The number of the last commit in the image.</summary>
    public long LastCommit { get; init; }

    /// <summary>The result of the last commit; null before the first one.</summary>
    public CommitResult? LastResult { get; init; }

    /// <summary>Raised by every commit that writes to the directory.</summary>
    public long DirectoryVersion { get; init; }

    /// <summary>The last key of a service instance.</summary>
    public long LastServiceId { get; init; }

    /// <summary>The last key of an API key.</summary>
    public long LastApiKeyId { get; init; }

    /// <summary>The timelines of all starts, the present one last.</summary>
    public ImmutableList<Guid> Timelines { get; init; } = [];

    /// <summary>The service instances by key, including deleted ones until they are purged.</summary>
    public ImmutableSortedDictionary<long, ServiceImage> Services { get; init; } = ImmutableSortedDictionary<long, ServiceImage>.Empty;

    /// <summary>The uptime of the server.</summary>
    public ServerUptime Uptime { get; init; }

    /// <summary>The API keys by key.</summary>
    public ImmutableSortedDictionary<long, ApiKey> ApiKeys { get; init; } = ImmutableSortedDictionary<long, ApiKey>.Empty;

    /// <summary>Returns the service instance; null if it does not exist or was deleted.</summary>
    public ServiceImage? Find(ServiceSid sid) => Services.Values.FirstOrDefault(service => !service.IsDeleted && service.Record.Sid == sid);

    /// <summary>Returns the service instance; throws ServiceInstanceNotFound.</summary>
    public ServiceImage Get(ServiceSid sid) => Find(sid) ?? throw PresenceErrors.ServiceInstanceNotFound(sid);

    /// <summary>Returns the image with the service instance in place of the one with its key.</summary>
    public StoreImage With(ServiceImage service) => this with { Services = Services.SetItem(service.Record.Id, service) };
}
