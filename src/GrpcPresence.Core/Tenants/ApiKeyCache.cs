using System.Collections.Concurrent;
using GrpcPresence.Core.Domain.ApiKeys;

namespace GrpcPresence.Core.Tenants;

/// <summary>
/// All API keys, in memory: every call asks for one. Filled from the store at the start, and brought up to date by the writer after each commit,
/// before the callers hear of it. Safe from any thread.
/// </summary>
public sealed class ApiKeyCache
{
    private readonly ConcurrentDictionary<ApiKeySid, CachedApiKey> _bySid = new();

    // Of keys in force alone: a name is free when its key is revoked.
    private readonly ConcurrentDictionary<string, CachedApiKey> _byCertificateName = new(StringComparer.Ordinal);

    private volatile bool _isEmpty = true; // a dictionary takes all its locks to say that it is empty, and every anonymous call asks

    /// <summary>Whether no API key was ever made. From the first on, also when it is revoked, callers need credentials.</summary>
    public bool IsEmpty => _isEmpty;

    /// <summary>The API keys, revoked ones among them, in the order in which they were made.</summary>
    public IReadOnlyList<ApiKey> List() => [.. _bySid.Values.Select(known => known.Present).OrderBy(key => key.Id)];

    /// <summary>The API key with the SID, be it revoked; null when there is none.</summary>
    public CachedApiKey? Find(ApiKeySid sid) => _bySid.GetValueOrDefault(sid);

    /// <summary>The API key in force that client certificates with the name stand for; null when there is none.</summary>
    public CachedApiKey? FindByCertificateName(string name) => _byCertificateName.GetValueOrDefault(name);

    /// <summary>Takes API keys as they are stored, and lets go of revoked ones that are stored no more. Not to be called at once from two threads.</summary>
    public void Apply(IEnumerable<ApiKey> keys, IEnumerable<ApiKey> forgotten)
    {
        foreach (var key in forgotten)
            _bySid.TryRemove(key.Sid, out _);
        foreach (var key in keys)
        {
            _isEmpty = false;
            if (_bySid.TryGetValue(key.Sid, out var known))
                known.Present = key;
            else
                _bySid[key.Sid] = known = new CachedApiKey(key);
            if (key.CertificateName.Length == 0)
                continue;
            if (!key.IsRevoked)
                _byCertificateName[key.CertificateName] = known;
            else
                _byCertificateName.TryRemove(KeyValuePair.Create(key.CertificateName, known));
        }
    }
}
