using GrpcPresence.Core.Domain.ApiKeys;

namespace GrpcPresence.Core.Tenants;

/// <summary>
/// A cached API key. The object stays the same while the key changes, so that its holders see the change. Safe from any thread.
/// </summary>
public sealed class CachedApiKey
{
    private volatile ApiKey _current;

    internal CachedApiKey(ApiKey key) => _current = key;

    /// <summary>The API key as last committed.</summary>
    public ApiKey Current
    {
        get => _current;
        internal set => _current = value;
    }
}
