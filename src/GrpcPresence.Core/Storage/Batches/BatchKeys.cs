using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Storage.Batches;

/// <summary>
/// What a batch must read before it decides. The answers of <see cref="BatchRead"/> stand in the same order. Kept for the next batch, so
/// that a batch of thousands of users does not allocate. Used only by the writer's thread.
/// </summary>
public sealed class BatchKeys
{
    private readonly Dictionary<ServiceSid, ServiceKeys> _bySid = [];
    private readonly Stack<ServiceKeys> _spare = [];
    private readonly List<ServiceKeys> _services = [];
    private readonly List<ApiKeySid> _apiKeys = [];
    private readonly HashSet<ApiKeySid> _knownApiKeys = []; // those of the list
    private readonly List<string> _certificateNames = [];
    private readonly List<ServiceSid?> _apiKeyScopes = [];

    /// <summary>The service instances, each once.</summary>
    public IReadOnlyList<ServiceKeys> Services => _services;

    /// <summary>The API keys to read, revoked or not, each once.</summary>
    public IReadOnlyList<ApiKeySid> ApiKeys => _apiKeys;

    /// <summary>The certificate names whose API key in force is to be read. None is empty.</summary>
    public IReadOnlyList<string> CertificateNames => _certificateNames;

    /// <summary>The scopes whose API keys are to be read, revoked or not, each once; null is the whole deployment.</summary>
    public IReadOnlyList<ServiceSid?> ApiKeyScopes => _apiKeyScopes;

    /// <summary>
    /// Whether the batch depends on the directory: the API keys, and which service instances exist. Set for a batch that reads an API key,
    /// and for one that creates or deletes a service instance or an API key.
    /// </summary>
    public bool NeedsDirectory { get; set; }

    /// <summary>Whether there is nothing to read.</summary>
    public bool IsEmpty => _services.Count == 0 && !NeedsDirectory;

    /// <summary>Adds a service instance, unless it was added before, and returns what to read of it.</summary>
    public ServiceKeys Service(ServiceSid sid)
    {
        if (_bySid.TryGetValue(sid, out var keys))
            return keys;
        keys = _spare.TryPop(out var spare) ? spare : new ServiceKeys();
        keys.Begin(sid);
        _bySid.Add(sid, keys);
        _services.Add(keys);
        return keys;
    }

    /// <summary>Adds an API key, unless it was added before: most callers of a batch are the same.</summary>
    public void AddApiKey(ApiKeySid sid)
    {
        NeedsDirectory = true;
        if (_knownApiKeys.Add(sid))
            _apiKeys.Add(sid);
    }

    /// <summary>Adds the API key in force that has the certificate name, which must not be empty.</summary>
    public void AddCertificateName(string name)
    {
        NeedsDirectory = true;
        _certificateNames.Add(name);
    }

    /// <summary>
    /// Adds all API keys of exactly this scope, unless it was added before: it can have thousands. Null is the whole deployment.
    /// </summary>
    public void AddApiKeyScope(ServiceSid? scope)
    {
        NeedsDirectory = true;
        if (!_apiKeyScopes.Contains(scope))
            _apiKeyScopes.Add(scope);
    }

    /// <summary>Removes everything.</summary>
    public void Clear()
    {
        foreach (var service in _services)
            _spare.Push(service);
        _services.Clear();
        _bySid.Clear();
        _apiKeys.Clear();
        _knownApiKeys.Clear();
        _certificateNames.Clear();
        _apiKeyScopes.Clear();
        NeedsDirectory = false;
    }
}
