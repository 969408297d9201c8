using System.Collections.Immutable;

namespace GrpcPresence.Core.Cluster.Channel;

/// <summary>Something that a link carries, in order and at most once: a heartbeat, a call, a result. Immutable.</summary>
public abstract record LinkItem
{
    /// <summary>The approximate number of bytes on the wire.</summary>
    public abstract int Size { get; }
}

/// <summary>Items of a link. The same number may come again, also with fewer items; only the first of them counts.</summary>
/// <param name="Number">Greater for each later batch from this sender to this receiver. The first one is 1.</param>
/// <param name="Items">The items, in order. May be empty if all of them expired before the batch was sent again.</param>
public sealed record LinkBatch(long Number, ImmutableArray<LinkItem> Items) : NodeMessage;

/// <summary>The receiver took a batch and all before it, and will ignore them if they come again.</summary>
/// <param name="Number">The number of the batch.</param>
public sealed record LinkAcknowledgement(long Number) : NodeMessage;
