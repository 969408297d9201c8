namespace GrpcPresence.Testing.Cluster;

/// <summary>The calls of a store that only a cluster makes.</summary>
[Flags]
public enum ClusterCall
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>A node joins.</summary>
    Join = 1,

    /// <summary>A node leaves.</summary>
    Leave = 2,

    /// <summary>A node renews its lease.</summary>
    Renew = 4,

    /// <summary>A node is evicted.</summary>
    Evict = 8,

    /// <summary>Shards are claimed.</summary>
    Claim = 16,

    /// <summary>A poll.</summary>
    Poll = 32,

    /// <summary>A page of a shard is read.</summary>
    List = 64,

    /// <summary>All of them.</summary>
    All = 127,
}
