using GrpcPresence.Core.Cluster.Ownership;
using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// Leaves the cluster, once the node was asked to: waits until it holds no shard, and asks the store to mark this run as left. Used only by
/// the loop of the node, except where a member says otherwise.
/// </summary>
/// <param name="parts">The parts of the node.</param>
/// <param name="ownership">The shards of the node.</param>
/// <param name="homes">The homes of the node.</param>
/// <param name="countCalls">Counts the calls of this ingress without a result.</param>
/// <param name="wake">Wakes the loop.</param>
internal sealed class ClusterLeave(NodeParts parts, ShardOwnership ownership, HomeServices homes, Func<int> countCalls, Action wake)
{
    private readonly StoreCall<bool, bool> _call = new(parts.Clock, wake);
    private volatile bool _isRequested;
    private TimeSpan? _emptySince; // when the node had no shard for the first time

    /// <summary>The end of a node that has left.</summary>
    public static NodeEnd HasLeft { get; } = new(NodeEndReason.Left, "This run has left the cluster.");

    /// <summary>Whether the node was asked to leave. Safe from any thread.</summary>
    public bool IsRequested => _isRequested;

    /// <summary>
    /// Whether the store was asked to mark this run as left. The answer may come later than what follows from it, or never.
    /// </summary>
    public bool MayHaveLeft { get; private set; }

    /// <summary>Makes the node leave. Safe from any thread.</summary>
    public void Request() => _isRequested = true;

    /// <summary>
    /// Leaves once no shard is left. If no node is left to take them, closes them first, because another node may take them as soon as the
    /// store has noted that this one has left, and this one learns of that later. Returns whether the node has left.
    /// </summary>
    /// <param name="isLast">Whether each node that has joined leaves.</param>
    /// <param name="isChecking">Whether the stored presence of the shards is being compared after lost commits.</param>
    public bool Step(bool isLast, bool isChecking)
    {
        if (_call.TryTake(out _, out var hasLeft, out var error) && error is null)
        {
            if (hasLeft)
                return true;
            _call.Pause(); // the data is other data; the poll shows it
        }
        // Once the shards are being closed, it goes on: a node that joins meanwhile takes them over afterwards.
        var mayKeepShards = ownership.IsClosingForGood || isLast;
        if (isChecking || (!ownership.IsEmpty && !mayKeepShards) || !homes.AreAllDrained())
            return false;
        if (!ownership.IsEmpty && !ownership.TryCloseForGood())
            return false;
        var now = parts.Clock.Now;
        _emptySince ??= now;
        if (IsNeeded(now - _emptySince.Value, isLast) || !_call.MayBegin)
            return false;
        MayHaveLeft = true;
        _call.Begin(true, parts.Store.LeaveAsync(parts.View.Self, parts.Gates.Data, CancellationToken.None));
        return false;
    }

    /// <summary>
    /// Whether others still need answers of this node, which holds no shard: to calls that they send because they do not know yet who has
    /// the shards, or whose results are on the way; or this node needs theirs.
    /// </summary>
    private bool IsNeeded(TimeSpan emptyFor, bool isLast) =>
        (!isLast && emptyFor < Limits.LeaveDelay) || (countCalls() > 0 && emptyFor < Limits.ForwardedCall);
}
