using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Channel;

/// <summary>What a node does with the items of its links. Called without any lock held.</summary>
public interface ILinkReceiver
{
    /// <summary>
    /// Takes the items of a batch. The next batch of the same sender comes after this method has returned. Batches of several senders may
    /// come at the same time.
    /// </summary>
    void Receive(NodeId from, ImmutableArray<LinkItem> items);

    /// <summary>
    /// An item will not be sent again. It is called at most once for each item, and never for one that the receiver has acknowledged;
    /// whether that one is answered is known only to its sender.
    /// </summary>
    void Drop(NodeId node, DroppedItem lost);
}

/// <summary>An item that a link has given up.</summary>
/// <param name="Item">The item.</param>
/// <param name="Outcome">What is known about it.</param>
public readonly record struct DroppedItem(LinkItem Item, DroppedItemOutcome Outcome);

/// <summary>What is known about an item that a link has given up.</summary>
public enum DroppedItemOutcome
{
    /// <summary>The receiver has not seen the item and never will.</summary>
    NotSent,

    /// <summary>The item was sent, but not acknowledged. The receiver may have taken it, or take it later.</summary>
    Unknown,
}
