using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence.HandOver;

namespace GrpcPresence.Core.Cluster.Ownership;

/// <summary>A part of a hand-over on its way from the holder of a shard to the next one.</summary>
/// <param name="Id">Which hand-over of the holder it is. A later one has a greater number.</param>
/// <param name="Shard">The shard.</param>
public abstract record HandOverItem(long Id, Shard Shard) : LinkItem
{
    /// <inheritdoc/>
    public override int Size => 64;
}

/// <summary>A hand-over begins.</summary>
/// <param name="Id">The hand-over.</param>
/// <param name="Shard">The shard, which the holder has sealed and settled.</param>
/// <param name="Holder">The sender, and the epoch under which it has the shard.</param>
/// <param name="Start">What the holder says before the users.</param>
public sealed record HandOverBegin(long Id, Shard Shard, KnownHolder Holder, HandOverStart Start) : HandOverItem(Id, Shard)
{
    /// <inheritdoc/>
    public override int Size => 64 + (64 * Start.Streams.Count);
}

/// <summary>Some users of the shard.</summary>
/// <param name="Id">The hand-over.</param>
/// <param name="Shard">The shard.</param>
/// <param name="Users">The users.</param>
public sealed record HandOverPage(long Id, Shard Shard, ImmutableArray<HandedUser> Users) : HandOverItem(Id, Shard)
{
    /// <inheritdoc/>
    public override int Size { get; } = 64 + Users.Sum(user => 256 + (128 * (user.Sessions.Count + user.Ended.Count)));
}

/// <summary>All users were sent.</summary>
/// <param name="Id">The hand-over.</param>
/// <param name="Shard">The shard.</param>
/// <param name="Users">The number of users.</param>
public sealed record HandOverEnd(long Id, Shard Shard, int Users) : HandOverItem(Id, Shard);

/// <summary>The receiver of a hand-over has taken another page.</summary>
/// <param name="Id">The hand-over.</param>
/// <param name="Shard">The shard.</param>
/// <param name="Users">The number of users that it has so far.</param>
public sealed record HandOverReceived(long Id, Shard Shard, int Users) : HandOverItem(Id, Shard);

/// <summary>The receiver of a hand-over has all of it. The holder may give it the shard.</summary>
/// <param name="Id">The hand-over.</param>
/// <param name="Shard">The shard.</param>
public sealed record HandOverAccepted(long Id, Shard Shard) : HandOverItem(Id, Shard);

/// <summary>The holder keeps the shard. The receiver forgets what it has got.</summary>
/// <param name="Id">The hand-over.</param>
/// <param name="Shard">The shard.</param>
public sealed record HandOverGivenUp(long Id, Shard Shard) : HandOverItem(Id, Shard);

/// <summary>The store has given the shard to the receiver.</summary>
/// <param name="Id">The hand-over.</param>
/// <param name="Shard">The shard.</param>
/// <param name="Holder">The receiver, and the new epoch.</param>
public sealed record HandOverDone(long Id, Shard Shard, KnownHolder Holder) : HandOverItem(Id, Shard);
