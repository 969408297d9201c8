using System.Collections.Immutable;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Testing;

/// <summary>All that a store holds at one moment. Immutable.</summary>
public sealed record StoreImage
{
    /// <summary>The last transaction that is part of it.</summary>
    public long LastTransactionId { get; init; }

    /// <summary>The last key that was given to a service instance, user, push binding or API key.</summary>
    public long LastKey { get; init; }

    /// <summary>The timelines of all starts, the present one last.</summary>
    public ImmutableList<Guid> Timelines { get; init; } = [];

    /// <summary>The service instances by key, deleted ones among them until they are purged.</summary>
    public ImmutableSortedDictionary<long, ServiceImage> Services { get; init; } = ImmutableSortedDictionary<long, ServiceImage>.Empty;

    /// <summary>The API keys by key.</summary>
    public ImmutableSortedDictionary<long, ApiKey> ApiKeys { get; init; } = ImmutableSortedDictionary<long, ApiKey>.Empty;

    /// <summary>The service instance; null when there is none, or it was deleted.</summary>
    public ServiceImage? Find(ServiceSid sid) => Services.Values.FirstOrDefault(service => !service.IsDeleted && service.Record.Sid == sid);

    /// <summary>The service instance, or the refusal.</summary>
    public ServiceImage Get(ServiceSid sid) => Find(sid) ?? throw PresenceErrors.ServiceInstanceNotFound(sid);

    /// <summary>With the service instance in place of the one with its key.</summary>
    public StoreImage With(ServiceImage service) => this with { Services = Services.SetItem(service.Record.Id, service) };
}
