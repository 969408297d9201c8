namespace GrpcPresence.Core.Watching;

/// <summary>Why a watch begins with a snapshot; the numbers of <c>presence.v1.ResetReason</c>.</summary>
public enum ResetReason
{
    /// <summary>There was no resume token.</summary>
    Initial = 1,

    /// <summary>The token was made for another filter.</summary>
    FilterChanged = 2,

    /// <summary>Reachability was switched since.</summary>
    ReachabilitySwitched = 3,

    /// <summary>The token speaks of revisions that this data never had.</summary>
    TimelineChanged = 4,

    /// <summary>Tombstones that the token needs are gone.</summary>
    TombstonesPurged = 5,
}
