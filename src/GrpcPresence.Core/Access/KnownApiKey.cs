namespace GrpcPresence.Core.Access;

/// <summary>What this process knows of an API key: stays the same object while the key changes, so that whoever holds it sees that. Safe from any thread.</summary>
public sealed class KnownApiKey
{
    private volatile ApiKey _present;

    internal KnownApiKey(ApiKey key) => _present = key;

    /// <summary>The API key as it was last committed.</summary>
    public ApiKey Present
    {
        get => _present;
        internal set => _present = value;
    }
}
