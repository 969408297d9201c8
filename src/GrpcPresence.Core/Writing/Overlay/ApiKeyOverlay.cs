using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Core.Writing.Overlay;

/// <summary>
/// The API keys that a batch has read, with the batch's own writes. A lookup of a key that no command has collected throws. Used only by
/// the writer's thread.
/// </summary>
internal sealed class ApiKeyOverlay
{
    private readonly Dictionary<ApiKeySid, ApiKey?> _bySid = []; // null: does not exist
    private readonly Dictionary<string, ApiKey?> _byName = new(StringComparer.Ordinal); // only keys in force
    private readonly Dictionary<ValueTuple<ServiceSid?>, List<ApiKey>> _byScope = []; // by ascending key
    private readonly List<ApiKey> _changed = []; // in the order of writing; the last one of a SID counts
    private readonly List<ApiKey> _removed = [];
    private readonly HashSet<long> _new = [];
    private long _nextId;

    /// <summary>Begins with what was read.</summary>
    public ApiKeyOverlay(BatchKeys keys, BatchRead read)
    {
        _nextId = read.Directory.NextApiKeyId;
        for (var i = 0; i < keys.ApiKeys.Count; i++)
            _bySid[keys.ApiKeys[i]] = read.ApiKeys[i];
        for (var i = 0; i < keys.CertificateNames.Count; i++)
            _byName[keys.CertificateNames[i]] = read.ApiKeysByName[i];
        for (var i = 0; i < keys.ApiKeyScopes.Count; i++)
        {
            _byScope[new(keys.ApiKeyScopes[i])] = [.. read.ApiKeysByScope[i]];
            foreach (var key in read.ApiKeysByScope[i])
                _bySid[key.Sid] = key;
        }
    }

    /// <summary>The API keys that the batch wrote, in the order of writing.</summary>
    public IReadOnlyList<ApiKey> Changed => _changed;

    /// <summary>The API keys that the batch removed. All of them were revoked.</summary>
    public IReadOnlyList<ApiKey> Removed => _removed;

    /// <summary>Returns the API key, revoked or not, or null.</summary>
    public ApiKey? Find(ApiKeySid sid) => _bySid.TryGetValue(sid, out var key) ? key : throw NotCollected.Error(sid);

    /// <summary>Returns the API key in force that has the certificate name, or null.</summary>
    public ApiKey? Find(string certificateName) =>
        _byName.TryGetValue(certificateName, out var key) ? key : throw NotCollected.Error(certificateName);

    /// <summary>Returns the API keys whose scope is exactly this, by ascending key; null is the whole deployment.</summary>
    public IReadOnlyList<ApiKey> List(ServiceSid? scope) =>
        _byScope.TryGetValue(new(scope), out var keys) ? keys : throw NotCollected.Error(scope?.ToString() ?? "the deployment");

    /// <summary>Adds an API key under the next key, and returns it with that.</summary>
    public ApiKey Insert(ApiKey key)
    {
        key = key with { Id = _nextId++ };
        _new.Add(key.Id);
        if (_byScope.TryGetValue(new(key.Scope), out var keys))
            keys.Add(key);
        Note(key);
        return key;
    }

    /// <summary>Replaces an API key.</summary>
    public void Update(ApiKey key)
    {
        if (_byScope.TryGetValue(new(key.Scope), out var keys))
            keys[keys.FindIndex(known => known.Id == key.Id)] = key;
        Note(key);
    }

    /// <summary>Removes an API key.</summary>
    public void Remove(ApiKey key)
    {
        _byScope[new(key.Scope)].RemoveAll(known => known.Id == key.Id);
        _bySid[key.Sid] = null;
        _removed.Add(key);
    }

    /// <summary>Adds the final rows to the commit.</summary>
    public void WriteTo(BatchWrites writes)
    {
        foreach (var key in _changed.Select(key => key.Sid).Distinct().Select(sid => _bySid[sid]).OfType<ApiKey>())
            (_new.Contains(key.Id) ? writes.NewApiKeys : writes.ChangedApiKeys).Add(key);
        writes.DeletedApiKeys.AddRange(_removed.Select(key => key.Id).Where(id => !_new.Contains(id)));
    }

    private void Note(ApiKey key)
    {
        _bySid[key.Sid] = key;
        _changed.Add(key);
        if (key.CertificateName.Length == 0)
            return;
        if (!key.IsRevoked)
            _byName[key.CertificateName] = key;
        else if (_byName.TryGetValue(key.CertificateName, out var named) && named?.Sid == key.Sid)
            _byName[key.CertificateName] = null;
    }
}
