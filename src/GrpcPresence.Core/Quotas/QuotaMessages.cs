using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Quotas;

/// <summary>
/// A message between the nodes that borrow shares of quotas and the home owners that lend them. It may be lost, repeated or late.
/// Immutable.
/// </summary>
/// <param name="From">The node that sent it.</param>
public abstract record QuotaMessage(NodeId From)
{
    /// <summary>The data that the sender knew when it made the message. Stamps of other data cannot be compared.</summary>
    public DataIdentity Data { get; init; }
}

/// <summary>What a node holds of some subjects, and what it needs.</summary>
/// <param name="From">The borrower.</param>
/// <param name="Number">Greater in each later report of the node.</param>
/// <param name="Subjects">The subjects.</param>
/// <param name="Answers">
/// The inquiries that the report answers. Of their shards, it names every subject of which the node holds anything.
/// </param>
public sealed record QuotaReport(
    NodeId From, long Number, ImmutableArray<SubjectReport> Subjects, ImmutableArray<QuotaInquiryOfShard> Answers) : QuotaMessage(From);

/// <summary>What a node holds of one subject, and what it needs.</summary>
/// <param name="Subject">The subject.</param>
/// <param name="Stamp">Of the last grant that the node has taken. It takes no earlier one any more.</param>
/// <param name="Holds">What is lent to the node. Of a level, at least what it uses.</param>
/// <param name="Demand">What its callers asked for in a second; of a level, what they use and were refused.</param>
/// <param name="IsIdle">Whether no call has used the subject for a while, so that the node returns its share.</param>
/// <param name="Returned">
/// The tokens that the node had when it took the grant that <paramref name="Stamp"/> names, and that were above the burst of that share.
/// </param>
public readonly record struct SubjectReport(
    QuotaKey Subject, QuotaStamp Stamp, QuotaAmounts Holds, QuotaAmounts Demand, bool IsIdle, QuotaAmounts Returned = default);

/// <summary>What a home owner lends to one node.</summary>
/// <param name="From">The lender.</param>
/// <param name="Subjects">The subjects.</param>
public sealed record QuotaGrants(NodeId From, ImmutableArray<SubjectGrant> Subjects) : QuotaMessage(From);

/// <summary>What a home owner lends to one node of one subject, in place of what it has lent before.</summary>
/// <param name="Subject">The subject.</param>
/// <param name="Stamp">Orders the grants of a subject to a node.</param>
/// <param name="Amounts">What is lent. The node may use 1 of each quota also if nothing is lent.</param>
/// <param name="IsRelease">Whether the node, if the subject is still idle there, forgets it.</param>
/// <param name="Tokens">The tokens of rates that come with a larger share, because no node has them.</param>
/// <param name="IsPart">Whether the node will get more as soon as other nodes have returned it.</param>
public readonly record struct SubjectGrant(
    QuotaKey Subject, QuotaStamp Stamp, QuotaAmounts Amounts, bool IsRelease, QuotaAmounts Tokens = default, bool IsPart = false);

/// <summary>
/// Asks a node what it holds of the subjects of shards that have a new home owner. The node takes no grant from before it any more.
/// </summary>
/// <param name="From">The new home owner.</param>
/// <param name="Shards">The shards.</param>
public sealed record QuotaInquiry(NodeId From, ImmutableArray<QuotaInquiryOfShard> Shards) : QuotaMessage(From);

/// <summary>The part of an inquiry about one shard.</summary>
/// <param name="Shard">The home shard.</param>
/// <param name="Stamp">Of the inquiry: later than every grant of earlier home owners.</param>
public readonly record struct QuotaInquiryOfShard(Shard Shard, QuotaStamp Stamp);

/// <summary>Orders what home owners of a shard send, also across moves of the shard.</summary>
/// <param name="Epoch">The epoch under which the sender holds the shard.</param>
/// <param name="Number">Greater in each later message of a sender.</param>
public readonly record struct QuotaStamp(long Epoch, long Number) : IComparable<QuotaStamp>
{
    /// <inheritdoc/>
    public int CompareTo(QuotaStamp other) => (Epoch, Number).CompareTo((other.Epoch, other.Number));

    /// <summary>Whether one stamp is earlier than another.</summary>
    public static bool operator <(QuotaStamp left, QuotaStamp right) => left.CompareTo(right) < 0;

    /// <summary>Whether one stamp is later than another.</summary>
    public static bool operator >(QuotaStamp left, QuotaStamp right) => left.CompareTo(right) > 0;

    /// <summary>Whether one stamp is not later than another.</summary>
    public static bool operator <=(QuotaStamp left, QuotaStamp right) => left.CompareTo(right) <= 0;

    /// <summary>Whether one stamp is not earlier than another.</summary>
    public static bool operator >=(QuotaStamp left, QuotaStamp right) => left.CompareTo(right) >= 0;
}
