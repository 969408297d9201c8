namespace GrpcPresence.Testing.Cluster;

/// <summary>
/// Mistakes of a store that several nodes share, planted on purpose. The conformance of clusters must notice each. Mutation patches cannot
/// plant them, because they break code under <c>src</c>, and this store is code of the tests.
/// </summary>
public enum StoreMutation
{
    /// <summary>None: the store keeps its contract.</summary>
    None,

    /// <summary>A commit does not look at the fence row.</summary>
    CommitWithoutFence,

    /// <summary>A commit looks at the fence row when it has written.</summary>
    FenceAfterTheWrite,

    /// <summary>A purge does not look at the fence row.</summary>
    PurgeWithoutFence,

    /// <summary>A claim does not look at the fence row.</summary>
    ClaimWithoutFence,

    /// <summary>A commit does not compare the identity of the data.</summary>
    CommitInAnyData,

    /// <summary>A commit does not compare the epochs of its shards.</summary>
    EpochNotChecked,

    /// <summary>A commit compares the epochs, but not the holders.</summary>
    HolderNotChecked,

    /// <summary>A commit with a lost shard writes what belongs to other shards.</summary>
    LostShardsWrittenInPart,

    /// <summary>A commit does not compare the version of a service instance, so it may be decided by an old configuration.</summary>
    StaleConfigurationCommitted,

    /// <summary>A commit does not compare its generation and number.</summary>
    LateCommitHappens,

    /// <summary>A claim also takes shards that have a holder.</summary>
    ClaimTakesHeldShards,

    /// <summary>A claim keeps the epoch.</summary>
    ClaimKeepsTheEpoch,

    /// <summary>A switch gives shards to a node that is not active.</summary>
    SwitchToAnyNode,

    /// <summary>An eviction does not compare the number of the renewal.</summary>
    EvictionIgnoresTheRenewal,

    /// <summary>An eviction leaves the shards with the dead node.</summary>
    EvictionKeepsTheShards,

    /// <summary>An eviction does not compare the identity of the data.</summary>
    EvictionInAnyData,

    /// <summary>A claim does not compare the identity of the data.</summary>
    ClaimInAnyData,

    /// <summary>A leave does not compare the identity of the data.</summary>
    LeaveInAnyData,

    /// <summary>A renewal that was overtaken takes effect.</summary>
    LateRenewalHappens,

    /// <summary>A renewal of a dead node takes effect.</summary>
    RenewalWithoutFence,

    /// <summary>A node joins while an earlier run of its name is active.</summary>
    JoinBesideAnEarlierRun,

    /// <summary>A poll returns leases only when the members have changed.</summary>
    PollForgetsRenewals,

    /// <summary>A poll returns all shards each time.</summary>
    PollRepeatsShards,

    /// <summary>A poll does not return which service instances are gone.</summary>
    PollForgetsDeletions,

    /// <summary>A poll does not return changes of settings that take no revision.</summary>
    PollComparesRevisionsOnly,

    /// <summary>A poll reads in two statements.</summary>
    PollInTwoStatements,

    /// <summary>Reads name the timeline that the node found when it joined.</summary>
    ReadKeepsTheTimeline,

    /// <summary>Reads of batches name the timeline that the node found when it joined.</summary>
    BatchKeepsTheTimeline,

    /// <summary>Polls name the timeline that the node found when it joined.</summary>
    PollKeepsTheTimeline,

    /// <summary>Commits of API keys do not count as changes.</summary>
    ChangesNotCounted,

    /// <summary>
    /// A writer takes the keys of new users from a sequence when it reads, as with a sequence of a database. So a lower key can become
    /// visible after a higher one, and a scan by key misses it.
    /// </summary>
    KeysFromASequence,

    /// <summary>Each commit stores its own uptime.</summary>
    UptimeGoesBack,

    /// <summary>An alive mark lowers the stored value.</summary>
    AliveMarkGoesBack,

    /// <summary>Each node purges everything.</summary>
    PurgeByEveryNode,
}
