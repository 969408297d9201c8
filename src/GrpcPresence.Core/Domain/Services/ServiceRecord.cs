namespace GrpcPresence.Core.Domain.Services;

/// <summary>A service instance as it is stored. Immutable.</summary>
public sealed record ServiceRecord
{
    /// <summary>The store's key: grows with each service instance and is never used again, not even when the SID is.</summary>
    public long Id { get; init; }

    /// <summary>The SID.</summary>
    public required ServiceSid Sid { get; init; }

    /// <summary>A name for people.</summary>
    public required string FriendlyName { get; init; }

    /// <summary>When it was created.</summary>
    public required DateTimeOffset CreateTime { get; init; }

    /// <summary>When the friendly name last changed.</summary>
    public required DateTimeOffset UpdateTime { get; init; }

    /// <summary>The settings.</summary>
    public required ServiceConfiguration Configuration { get; init; }

    /// <summary>The last revision that was committed; the next change takes the next one.</summary>
    public long Revision { get; init; }

    /// <summary>Tombstones up to this revision may be gone: what was deleted before it cannot be told any more.</summary>
    public long PurgedRevision { get; init; }

    /// <summary>How many users there are. The writer keeps it, in the transaction that adds or removes one.</summary>
    public long UserCount { get; init; }
}
