using System.Collections.Concurrent;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Tenants;

/// <summary>
/// All API keys, in memory, because every call looks one up. Loaded from the store at the start. The writer updates it after each commit,
/// before it notifies the callers. Safe from any thread.
/// </summary>
public sealed class ApiKeyCache
{
    private readonly Lock _gate = new(); // guards the order of changes; nothing is called under it
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

    /// <summary>Applies API keys that were just committed, and removes revoked ones that are no longer stored.</summary>
    public void Apply(IReadOnlyCollection<ApiKey> keys, IReadOnlyCollection<ApiKey> forgotten)
    {
        if (keys.Count == 0 && forgotten.Count == 0)
            return; // the usual commit, and rejected credentials are remembered only for a version
        lock (_gate)
        {
            foreach (var key in keys)
                ApplyLocked(key);
            // After the keys: one commit can revoke a key and remove it.
            foreach (var key in forgotten)
                _bySid.TryRemove(key.Sid, out _);
            Volatile.Write(ref _version, _version + 1);
        }
    }

    /// <summary>
    /// Reads all API keys again, because another node has changed some, or because the store has lost commits. A key that the store does
    /// not have is revoked for those who still refer to it. Until this completes, credentials stay as they were last known.
    /// </summary>
    /// <exception cref="Domain.Errors.StorageException">The store cannot be read.</exception>
    public async Task ReloadAsync(IStoreReader reader, CancellationToken cancellationToken)
    {
        while (true)
        {
            var version = Version;
            var stored = await reader.ListApiKeysAsync(cancellationToken).ConfigureAwait(false);
            // A change since the read began may be newer than what was read.
            if (TryReplace(stored, version))
                return;
        }
    }

    private bool TryReplace(IReadOnlyList<ApiKey> stored, long version)
    {
        lock (_gate)
        {
            if (_version != version)
                return false;
            var sids = stored.Select(key => key.Sid).ToHashSet();
            foreach (var (sid, known) in _bySid)
            {
                if (sids.Contains(sid))
                    continue;
                if (!known.Current.IsRevoked)
                    ApplyLocked(known.Current with { RevokeTime = known.Current.CreateTime });
                _bySid.TryRemove(sid, out _);
            }
            foreach (var key in stored)
                ApplyLocked(key);
            Volatile.Write(ref _version, _version + 1);
            return true;
        }
    }

    private void ApplyLocked(ApiKey key)
    {
        _isEmpty = false;
        if (_bySid.TryGetValue(key.Sid, out var known))
            known.Current = key;
        else
            _bySid[key.Sid] = known = new CachedApiKey(key);
        if (key.CertificateName.Length == 0)
            return;
        if (!key.IsRevoked)
            _byCertificateName[key.CertificateName] = known;
        else
            _byCertificateName.TryRemove(KeyValuePair.Create(key.CertificateName, known));
    }
}
