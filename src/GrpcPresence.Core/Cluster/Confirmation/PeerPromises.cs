using System.Runtime.InteropServices;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Confirmation;

/// <summary>
/// What this node has promised to each peer: not to take part in its eviction for a while, or not to confirm it. Not safe from several
/// threads.
/// </summary>
/// <remarks>
/// A vote holds as long as this node could confirm a request of the peer. That a view lacks the peer is not enough to forget the vote: the
/// peer may be a new one, and a later view may show it.
/// </remarks>
/// <param name="startedAt">
/// The time of the clock of this node at which its run began. Promises of the run before may stand for as long as a promise lasts.
/// </param>
public sealed class PeerPromises(TimeSpan startedAt)
{
    private readonly DepartedNodes _gone = new();
    private readonly Dictionary<NodeId, Promise> _promises = [];

    /// <summary>
    /// Confirms a peer and makes the promise, unless the view lacks the peer, or this node has voted against that renewal or a later one.
    /// </summary>
    /// <param name="node">The peer that asks.</param>
    /// <param name="renewal">The renewal that its request names.</param>
    /// <param name="view">The newest view of this node.</param>
    /// <param name="now">The time of the clock of this node.</param>
    public bool TryConfirm(NodeId node, long renewal, ClusterView view, TimeSpan now)
    {
        if (!view.Contains(node) || _gone.Contains(node))
            return false; // the vote against a node that is gone may be forgotten
        ref var promise = ref CollectionsMarshal.GetValueRefOrAddDefault(_promises, node, out _);
        if (renewal <= promise.VotedRenewal)
            return false;
        promise.Until = now + Limits.Confirmation;
        return true;
    }

    /// <summary>Votes for the eviction of a node, unless this node has confirmed it and the promise still stands.</summary>
    /// <param name="node">The node.</param>
    /// <param name="renewal">Its last renewal in the store.</param>
    /// <param name="now">The time of the clock of this node.</param>
    /// <param name="obstacle">Why this node does not vote.</param>
    public bool TryVote(NodeId node, long renewal, TimeSpan now, out VoteObstacle obstacle)
    {
        ref var promise = ref CollectionsMarshal.GetValueRefOrAddDefault(_promises, node, out _);
        obstacle = now < promise.Until ? VoteObstacle.Promised : VoteObstacle.JustStarted;
        if (now < promise.Until || now < startedAt + Limits.Confirmation)
            return false;
        promise.VotedRenewal = Math.Max(promise.VotedRenewal, renewal);
        return true;
    }

    /// <summary>Forgets promises that are over, and votes against nodes that can never be confirmed again.</summary>
    public void Forget(ClusterView view, TimeSpan now)
    {
        _gone.Note(view);
        foreach (var (node, promise) in _promises)
        {
            if (now >= promise.Until && (promise.VotedRenewal == 0 || _gone.Contains(node)))
                _promises.Remove(node);
        }
    }

    private struct Promise
    {
        public TimeSpan Until; // of the clock of this node
        public long VotedRenewal; // 0 if this node has not voted
    }
}
