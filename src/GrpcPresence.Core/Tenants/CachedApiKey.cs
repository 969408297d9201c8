using GrpcPresence.Core.Domain.ApiKeys;

namespace GrpcPresence.Core.Tenants;

/// <summary>What this process knows of an API key: stays the same object while the key changes, so that whoever holds it sees that. Safe from any thread.</summary>
public sealed class CachedApiKey
{
    private volatile ApiKey _present;

    internal CachedApiKey(ApiKey key) => _present = key;

    /// <summary>The API key as it was last committed.</summary>
    public ApiKey Present
    {
        get => _present;
        internal set => _present = value;
    }
}
