using GrpcPresence.Core.Domain.ApiKeys;

namespace GrpcPresence.Core.Storage.Batches;

/// <summary>
/// What a batch has read, all of one moment. The lists stand in the order of <see cref="BatchKeys"/>. Kept for the next batch. Used only by
/// the writer's thread and the store.
/// </summary>
public sealed class BatchRead
{
    private readonly List<ServiceRead> _services = [];
    private readonly Stack<ServiceRead> _spare = [];

    /// <summary>The answers for each of <see cref="BatchKeys.Services"/>.</summary>
    public IReadOnlyList<ServiceRead> Services => _services;

    /// <summary>The API keys of <see cref="BatchKeys.ApiKeys"/>; null for one that does not exist.</summary>
    public IList<ApiKey?> ApiKeys { get; } = new List<ApiKey?>();

    /// <summary>The API keys in force of <see cref="BatchKeys.CertificateNames"/>; null for a name that none has.</summary>
    public IList<ApiKey?> ApiKeysByName { get; } = new List<ApiKey?>();

    /// <summary>All API keys of each of <see cref="BatchKeys.ApiKeyScopes"/>, by ascending key.</summary>
    public IList<IReadOnlyList<ApiKey>> ApiKeysByScope { get; } = new List<IReadOnlyList<ApiKey>>();

    /// <summary>The state of the directory. Set if <see cref="BatchKeys.NeedsDirectory"/>.</summary>
    public StoredDirectory Directory { get; set; }

    /// <summary>Adds the answers for the next service instance.</summary>
    public ServiceRead AddService()
    {
        var service = _spare.TryPop(out var spare) ? spare : new ServiceRead();
        service.Clear();
        _services.Add(service);
        return service;
    }

    /// <summary>Removes everything.</summary>
    public void Clear()
    {
        foreach (var service in _services)
            _spare.Push(service);
        _services.Clear();
        ApiKeys.Clear();
        ApiKeysByName.Clear();
        ApiKeysByScope.Clear();
        Directory = default;
    }
}
