using System.Collections.Concurrent;
using GrpcPresence.Core.Domain.ApiKeys;

namespace GrpcPresence.Core.Tenants;

/// <summary>
/// All API keys, in memory, because every call looks one up. Loaded from the store at the start. The writer updates it after each commit,
/// before it notifies the callers. Safe from any thread.
/// </summary>
public sealed class ApiKeyCache
{
    private readonly ConcurrentDictionary<ApiKeySid, CachedApiKey> _bySid = new();

    // Only keys in force, because a name becomes free when its key is revoked.
    private readonly ConcurrentDictionary<string, CachedApiKey> _byCertificateName = new(StringComparer.Ordinal);

    private long _version;
    private volatile bool _isEmpty = true; // a dictionary takes all its locks for IsEmpty, and every anonymous call asks

    /// <summary>Whether no API key was ever created. After the first, even if it is revoked, callers need credentials.</summary>
    public bool IsEmpty => _isEmpty;

    /// <summary>Rises with each change, once lookups see it.</summary>
    public long Version => Volatile.Read(ref _version);

    /// <summary>Returns the API keys, including revoked keys, in the order of their creation.</summary>
    public IReadOnlyList<ApiKey> List() => [.. _bySid.Values.Select(known => known.Current).OrderBy(key => key.Id)];

    /// <summary>Returns the API key with the SID, revoked or not, or null.</summary>
    public CachedApiKey? Find(ApiKeySid sid) => _bySid.GetValueOrDefault(sid);

    /// <summary>Returns the API key in force that has the certificate name, or null.</summary>
    public CachedApiKey? FindByCertificateName(string name) => _byCertificateName.GetValueOrDefault(name);

    /// <summary>
    /// Applies stored API keys, and removes revoked ones that are no longer stored. Two threads must not call it at the same time.
    /// </summary>
    public void Apply(IEnumerable<ApiKey> keys, IEnumerable<ApiKey> forgotten)
    {
        foreach (var key in keys)
        {
            _isEmpty = false;
            if (_bySid.TryGetValue(key.Sid, out var known))
                known.Current = key;
            else
                _bySid[key.Sid] = known = new CachedApiKey(key);
            if (key.CertificateName.Length == 0)
                continue;
            if (!key.IsRevoked)
                _byCertificateName[key.CertificateName] = known;
            else
                _byCertificateName.TryRemove(KeyValuePair.Create(key.CertificateName, known));
        }
        // After the keys: one commit can revoke a key and remove it.
        foreach (var key in forgotten)
            _bySid.TryRemove(key.Sid, out _);
        Volatile.Write(ref _version, _version + 1);
    }
}
