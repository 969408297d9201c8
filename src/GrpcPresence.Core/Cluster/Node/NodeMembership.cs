using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// The membership of this node in the cluster: it joins, renews its lease, and says when the node must end. Used only by the loop of the
/// node.
/// </summary>
/// <param name="parts">The parts of the node.</param>
/// <param name="poll">What the store says.</param>
/// <param name="leave">Whether the node may have left, or leaves for too long.</param>
/// <param name="joined">Called once, when the node has joined.</param>
/// <param name="calls">Creates the calls of the store.</param>
internal sealed class NodeMembership(NodeParts parts, StorePoll poll, ClusterLeave leave, Action joined, StoreCalls calls)
{
    private readonly ClusterJoin _join = new(parts, calls);
    private readonly LeaseRenewal _renewal = new(parts, calls);

    /// <summary>Whether the node has joined.</summary>
    public bool HasJoined => _join.HasJoined;

    /// <summary>What the node waits for; null once it has joined.</summary>
    public JoinWait? JoinWait => _join.Wait;

    /// <summary>Does what is due. Returns why the node must end; null if it need not.</summary>
    public NodeEnd? Step(ClusterView view)
    {
        if (leave.FindTimeout(parts.Clock.Now) is { } late)
            return late;
        if (!HasJoined)
        {
            if (_join.Step(view) is { } refused)
                return refused;
            if (!HasJoined)
                return null;
            joined();
        }
        var now = parts.Clock.Now;
        if (FindEnd(view, _renewal.Take(now), now) is { } end)
            return end;
        _renewal.BeginIfDue(now);
        return null;
    }

    /// <summary>Cancels what is in progress, because the node has ended.</summary>
    public void Stop() => _renewal.Stop();

    /// <summary>Returns why the node must end; null if it need not.</summary>
    /// <param name="view">The newest view.</param>
    /// <param name="refused">What the store has answered to a renewal, if it refused it.</param>
    /// <param name="now">The time of the clock of this node.</param>
    private NodeEnd? FindEnd(ClusterView view, NodeEvictedException? refused, TimeSpan now)
    {
        NodeEnd? end = null;
        if ((refused ?? parts.Status.Eviction) is { } eviction)
            end = new NodeEnd(NodeEndReason.NotActive, eviction.Message);
        else if (poll.IsRemoved)
            end = new NodeEnd(NodeEndReason.NotActive, "The store does not list this run among the active ones.");
        else if (!view.Contains(parts.View.Self))
            end = new NodeEnd(NodeEndReason.NotInView, $"View {view.Number} does not contain this run.");
        // The answer to the leave may come later than what follows from it.
        if (end is not null)
            return leave.MayHaveLeft ? ClusterLeave.HasLeft : end;
        return parts.Confirmation.StateAt(now) == ConfirmationState.Lost
            ? new NodeEnd(NodeEndReason.Unconfirmed, "Neither the store nor a majority of the nodes has confirmed this run in time.")
            : null;
    }
}
