using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Domain.Cluster;

/// <summary>
/// This node does not hold the shard of a command, so it did not write the command. The holder of the shard may run it: nothing has
/// happened. Internal to a cluster. A client that receives it in spite of that may try again.
/// </summary>
/// <param name="shard">The shard.</param>
public sealed class ShardMovedException(Shard shard)
    : PresenceException(ErrorReason.StorageUnavailable, $"Another node holds shard {shard} of the user.")
{
    /// <summary>The shard.</summary>
    public Shard Shard { get; } = shard;
}
