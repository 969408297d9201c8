using System.Collections.Immutable;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Testing;

/// <summary>All data of a store at one moment. Immutable.</summary>
public sealed record StoreImage
{
    /// <summary>The position of each writer by its number; the first one is 0.</summary>
    public ImmutableDictionary<int, WriterPosition> Writers { get; init; } = ImmutableDictionary<int, WriterPosition>.Empty;

    /// <summary>The number of the last commit of the first writer.</summary>
    public long LastCommit => Writers.GetValueOrDefault(0).LastCommit;

    /// <summary>Raised by every commit that writes to the directory.</summary>
    public long DirectoryVersion { get; init; }

    /// <summary>The last key of a service instance.</summary>
    public long LastServiceId { get; init; }

    /// <summary>The last key of an API key.</summary>
    public long LastApiKeyId { get; init; }

    /// <summary>The timelines of all starts, the present one last.</summary>
    public ImmutableList<Guid> Timelines { get; init; } = [];

    /// <summary>The present timeline, which each service instance names.</summary>
    public Guid Timeline => Timelines[^1];

    /// <summary>The service instances by key, including deleted ones until they are purged.</summary>
    public ImmutableSortedDictionary<long, ServiceImage> Services { get; init; } = ImmutableSortedDictionary<long, ServiceImage>.Empty;

    /// <summary>The uptime of the server.</summary>
    public ServerUptime Uptime { get; init; }

    /// <summary>The API keys by key.</summary>
    public ImmutableSortedDictionary<long, ApiKey> ApiKeys { get; init; } = ImmutableSortedDictionary<long, ApiKey>.Empty;

    /// <summary>The rows of the cluster.</summary>
    public ClusterImage Cluster { get; init; } = new();

    /// <summary>Returns the service instance; null if it does not exist or was deleted.</summary>
    public ServiceImage? Find(ServiceSid sid) => Services.Values.FirstOrDefault(service => !service.IsDeleted && service.Record.Sid == sid);

    /// <summary>Returns the service instance; throws ServiceInstanceNotFound.</summary>
    public ServiceImage Get(ServiceSid sid) => Find(sid) ?? throw PresenceErrors.ServiceInstanceNotFound(sid);

    /// <summary>Returns the image in a new timeline.</summary>
    public StoreImage BeginTimeline(Guid timeline) => (this with { Timelines = Timelines.Add(timeline) }).Under(timeline);

    /// <summary>Returns the image with another timeline in each service instance, although it is not the present one.</summary>
    public StoreImage Under(Guid timeline) => this with
    {
        Services = Services.SetItems(Services.Values.Select(service => KeyValuePair.Create(
            service.Record.Id, service with { Record = service.Record with { Timeline = timeline } }))),
    };

    /// <summary>Returns the image with another position of a writer.</summary>
    public StoreImage With(int writer, WriterPosition position) => this with { Writers = Writers.SetItem(writer, position) };

    /// <summary>Returns the image with the service instance in place of the one with its key.</summary>
    public StoreImage With(ServiceImage service) => this with { Services = Services.SetItem(service.Record.Id, service) };
}
