namespace GrpcPresence.Core.Domain.Services;

/// <summary>A stored service instance. Immutable.</summary>
public sealed record ServiceRecord
{
    /// <summary>The store's key. Grows with each service instance and is never reused, even if the SID is.</summary>
    public long Id { get; init; }

    /// <summary>The SID.</summary>
    public required ServiceSid Sid { get; init; }

    /// <summary>The display name.</summary>
    public required string FriendlyName { get; init; }

    /// <summary>When it was created.</summary>
    public required DateTimeOffset CreateTime { get; init; }

    /// <summary>When the friendly name last changed.</summary>
    public required DateTimeOffset UpdateTime { get; init; }

    /// <summary>The settings.</summary>
    public required ServiceConfiguration Configuration { get; init; }

    /// <summary>The last committed revision; the next change takes the next one.</summary>
    public long Revision { get; init; }

    /// <summary>
    /// The timeline of the store at the moment of the read, to which the revision belongs. Two reads with the same timeline and revision
    /// show the same data. Revisions of different timelines cannot be compared.
    /// </summary>
    public Guid Timeline { get; init; }

    /// <summary>
    /// Tombstones up to this revision may be purged. A watcher that is further behind cannot learn which users were deleted.
    /// </summary>
    public long PurgedRevision { get; init; }

    /// <summary>The number of users. The writer maintains it in the commit that adds or removes a user.</summary>
    public long UserCount { get; init; }
}
