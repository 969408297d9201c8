using GrpcPresence.Core.Cluster.Ownership;
using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// Leaves the cluster, once the node was asked to: waits until it holds no shard, and asks the store to mark this run as left. Gives up
/// after <see cref="Limits.LeaveTime"/>. Used only by the loop of the node, except where a member says otherwise.
/// </summary>
/// <param name="parts">The parts of the node.</param>
/// <param name="ownership">The shards of the node.</param>
/// <param name="homes">The homes of the node.</param>
/// <param name="countCalls">Counts the calls of this ingress without a result.</param>
/// <param name="calls">Creates the call of the store.</param>
internal sealed class ClusterLeave(
    NodeParts parts, ShardOwnership ownership, HomeServices homes, Func<int> countCalls, StoreCalls calls)
{
    private const long NotRequested = -1;

    private readonly StoreCall<bool, bool> _call = calls.Create<bool, bool>(StoreCallKind.Leave);
    private long _requestedAt = NotRequested; // in ticks of the clock of this node
    private TimeSpan? _emptySince; // when the node had no shard for the first time

    /// <summary>The end of a node that has left.</summary>
    public static NodeEnd HasLeft { get; } = new(NodeEndReason.Left, "This run has left the cluster.");

    /// <summary>Whether the node was asked to leave. Safe from any thread.</summary>
    public bool IsRequested => Volatile.Read(ref _requestedAt) != NotRequested;

    /// <summary>
    /// Whether the store was asked to mark this run as left. The answer may come later than what follows from it, or never.
    /// </summary>
    public bool MayHaveLeft { get; private set; }

    /// <summary>What the node waits for before it can leave; null if it was not asked to.</summary>
    public LeaveWait? Wait { get; private set; }

    /// <summary>Makes the node leave. A second call changes nothing. Safe from any thread.</summary>
    public void Request() => Interlocked.CompareExchange(ref _requestedAt, parts.Clock.Now.Ticks, NotRequested);

    /// <summary>Returns the end of a node that was asked to leave too long ago; null for any other.</summary>
    public NodeEnd? FindTimeout(TimeSpan now)
    {
        if (!IsRequested || now - TimeSpan.FromTicks(Volatile.Read(ref _requestedAt)) < Limits.LeaveTime)
            return null;
        var reason = MayHaveLeft ? "The store has not answered whether it has left."
            : Wait is { } wait ? $"It was waiting for: {wait}."
            : "It had not begun to leave.";
        return new NodeEnd(
            NodeEndReason.LeaveTimedOut,
            FormattableString.Invariant($"This run could not leave within {Limits.LeaveTime.TotalSeconds} s. {reason}"));
    }

    /// <summary>
    /// Leaves once no shard is left. If no node is left to take them, closes them first, because another node may take them as soon as the
    /// store has noted that this one has left, and this one learns of that later. Returns whether the node has left.
    /// </summary>
    /// <param name="isLast">Whether no other node can take shards.</param>
    /// <param name="isChecking">Whether the stored presence of the shards is being compared after lost commits.</param>
    public bool Step(bool isLast, bool isChecking)
    {
        if (_call.TryTake(out _, out var hasLeft, out var error) && error is null)
        {
            if (hasLeft)
                return true;
            MayHaveLeft = false;
            _call.Pause(); // the data is other data; the poll shows it
        }
        // Once the shards are being closed, it goes on: a node that joins meanwhile takes them over afterwards.
        var mayKeepShards = ownership.IsClosingAll || isLast;
        if (FindWait(mayKeepShards, isChecking) is { } wait)
        {
            Wait = wait;
            return false;
        }
        var now = parts.Clock.Now;
        _emptySince ??= now;
        Wait = IsNeeded(now - _emptySince.Value, isLast) ? LeaveWait.Calls : LeaveWait.Store;
        if (Wait == LeaveWait.Calls || !_call.MayBegin)
            return false;
        MayHaveLeft = true;
        _call.Begin(true, parts.Store.LeaveAsync(parts.View.Self, parts.Gates.Data, CancellationToken.None));
        return false;
    }

    private LeaveWait? FindWait(bool mayKeepShards, bool isChecking)
    {
        if (isChecking)
            return LeaveWait.LostCommits;
        // All at once. A few after the other, with requests that take seconds, would outlast the time to leave.
        var areDrained = homes.AreAllDrained();
        if (!ownership.IsEmpty && !mayKeepShards)
            return LeaveWait.Shards;
        if (!areDrained)
            return LeaveWait.Webhooks;
        return !ownership.IsEmpty && !ownership.TryCloseAll() ? LeaveWait.Writes : null;
    }

    /// <summary>
    /// Whether others still need answers of this node, which holds no shard: to calls that they send because they do not know yet who has
    /// the shards, or whose results are on the way; or this node needs theirs.
    /// </summary>
    private bool IsNeeded(TimeSpan emptyFor, bool isLast) =>
        !ownership.IsClosingAll // its calls wait for the shards, which another node may take as soon as this one has left
        && ((!isLast && emptyFor < Limits.LeaveDelay) || (countCalls() > 0 && emptyFor < Limits.ForwardedCall));
}

/// <summary>What a node waits for before it can leave.</summary>
public enum LeaveWait
{
    /// <summary>It still holds shards, which it gives to others: see the hand-overs.</summary>
    Shards,

    /// <summary>Commits may be lost, and the stored presence of its shards is being compared.</summary>
    LostCommits,

    /// <summary>Webhook requests are in progress. They end within seconds.</summary>
    Webhooks,

    /// <summary>No node is left to take its shards. They are closed, and what was decided before is being stored.</summary>
    Writes,

    /// <summary>
    /// It holds no shard any more. For up to two seconds, it answers calls that were sent to it before, and waits for its own.
    /// </summary>
    Calls,

    /// <summary>The store has not marked this run as left yet.</summary>
    Store,
}
