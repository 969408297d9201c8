using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Presence;

/// <summary>What the cells of a shard share; kept here once, because there are a million cells.</summary>
/// <param name="queue">Where the cells are queued.</param>
public abstract class CellShard(CommandQueue queue)
{
    /// <summary>
    /// Guards the cells of the shard. No I/O, no await and no log under it; the change queue's lock may be taken inside. Never two shards' at once.
    /// </summary>
    internal Lock Gate { get; } = new();

    /// <summary>Where the cells are queued.</summary>
    internal CommandQueue Queue { get; } = queue;
}
