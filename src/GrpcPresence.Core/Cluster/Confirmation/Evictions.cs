using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;

namespace GrpcPresence.Core.Cluster.Confirmation;

/// <summary>
/// The evictions that this node works on: of nodes that its view lacks, and that are active in the store. Not safe from several threads.
/// </summary>
/// <remarks>
/// <para>
/// 1. The store has shown the same renewal for longer than <see cref="Limits.Confirmation"/>. A younger one would only collect votes that
///    are never used, and that keep the peers from confirming the node.
/// 2. This node votes, and asks the members that its view has for theirs, again and again.
/// 3. An eviction is due once no majority of the members is left that could confirm the node, neither of those at its last renewal nor of
///    those at the last one that it knows of. It names the renewal, so that the store refuses it if the node has renewed since.
/// 4. Without enough votes it is due when the peers alone can confirm the node no longer.
/// </para>
/// <para>
/// A name belongs to one machine and address, so a run of a node can begin only when the one before has ended. So a node needs no votes to
/// evict its own earlier run, and a later run votes in place of a member. After all nodes of a cluster were killed and started again,
/// nobody waits for the peers of before.
/// </para>
/// <para>
/// The age of a renewal counts from when the store showed it to this node first, on the monotonic clock of this node. The renewal happened
/// before that, and the node that renewed counts from even earlier. So it takes no wall clock, which may be set forward or back. The store
/// shows the leases of all active nodes with each poll, also of those that the view contains: so the age of a dead node's last renewal has
/// begun to count before the view lacks the node. When the store has lost commits, the last renewal may be lost too, so what was seen in
/// earlier data does not count.
/// </para>
/// <para>
/// It ends when the node is evicted, is in the view, or when the store has not shown its lease for <see cref="Limits.EvictionAttempt"/>.
/// </para>
/// </remarks>
public sealed class Evictions(NodeId self, PeerPromises promises)
{
    private readonly Dictionary<NodeId, Attempt> _attempts = [];
    private Dictionary<NodeId, SeenRenewal> _seen = []; // the last renewal of each active node
    private DataIdentity _data; // what this node knows

    /// <summary>The store shows the leases of all active nodes.</summary>
    public void Observe(ImmutableArray<NodeLease> leases, ClusterView view, TimeSpan now)
    {
        Dictionary<NodeId, SeenRenewal> seen = [];
        foreach (var lease in leases)
        {
            // A node evicts its own earlier run before it has joined, when it does not know any data yet.
            if (lease.Node == self || (lease.Data != _data && lease.Node.Name != self.Name))
                continue;
            if (!_seen.TryGetValue(lease.Node, out var renewal) || renewal.Number != lease.Renewal)
                renewal = new SeenRenewal(lease.Renewal, now);
            seen.Add(lease.Node, renewal);
            if (view.Contains(lease.Node))
                _attempts.Remove(lease.Node);
            else if (_attempts.TryGetValue(lease.Node, out var attempt) && attempt.IsAbout(lease.Data, lease.Renewal))
                attempt.ObservedAt = now;
            else
                _attempts[lease.Node] = new Attempt(lease, renewal.Since) { ObservedAt = now };
        }
        _seen = seen;
    }

    /// <summary>This node knows other data from now on. What it knows of leases is not part of it.</summary>
    public void Learn(DataIdentity data)
    {
        _data = data;
        _seen.Clear();
        _attempts.Clear();
    }

    /// <summary>Takes the vote of a peer.</summary>
    public void Receive(NodeId from, Vote vote)
    {
        if (_attempts.TryGetValue(vote.Node, out var attempt) && attempt.IsAbout(vote.Data, vote.Renewal))
            attempt.Voters.Add(from);
    }

    /// <summary>Gives up what is over, and adds the requests for votes that are to be sent now.</summary>
    public void Tick(ClusterView view, TimeSpan now, List<(NodeId To, VoteRequest Request)> requests)
    {
        foreach (var (node, attempt) in _attempts)
        {
            if (view.Contains(node) || now - attempt.ObservedAt >= Limits.EvictionAttempt)
                _attempts.Remove(node);
            else if (attempt.AgeAt(now) > Limits.Confirmation)
                Ask(node, attempt, view, now, requests);
        }
    }

    /// <summary>
    /// Returns an eviction that is due, if any. The caller asks the store for it at once, and calls <see cref="Complete"/> in any case.
    /// </summary>
    public bool TryTake(TimeSpan now, out Eviction eviction)
    {
        foreach (var (node, attempt) in _attempts)
        {
            if (attempt.IsAsked || (attempt.AskedAt is { } asked && now - asked < Limits.ConfirmationRenewal))
                continue;
            var age = HasVotes(attempt) ? Limits.Confirmation : Limits.PeerConfirmation + Limits.Confirmation;
            if (attempt.AgeAt(now) <= age)
                continue;
            attempt.IsAsked = true;
            attempt.AskedAt = now;
            eviction = new Eviction(node, attempt.Lease.Data, attempt.Lease.Renewal);
            return true;
        }
        eviction = default;
        return false;
    }

    /// <summary>The store has answered, or failed.</summary>
    /// <param name="eviction">The eviction.</param>
    /// <param name="isOver">
    /// Whether the node is not active any more. Otherwise, the eviction is due again soon, unless the store shows a later renewal.
    /// </param>
    public void Complete(Eviction eviction, bool isOver)
    {
        if (isOver)
            _attempts.Remove(eviction.Node);
        else if (_attempts.TryGetValue(eviction.Node, out var attempt))
            attempt.IsAsked = false;
    }

    private void Ask(NodeId node, Attempt attempt, ClusterView view, TimeSpan now, List<(NodeId To, VoteRequest Request)> requests)
    {
        if (!attempt.Voters.Contains(self) && promises.TryVote(node, attempt.Lease.Renewal, now))
            attempt.Voters.Add(self);
        if (HasVotes(attempt) || (attempt.RequestedAt is { } requested && now - requested < Limits.ConfirmationRenewal))
            return;
        attempt.RequestedAt = now;
        var request = new VoteRequest(node, attempt.Lease.Data, attempt.Lease.Renewal);
        var names = attempt.Lease.Members.Union(attempt.Lease.Acknowledged).Select(member => member.Name).ToHashSet();
        foreach (var peer in view.Nodes)
        {
            if (peer != self && peer.Name != node.Name && names.Contains(peer.Name) && !attempt.Voters.Contains(peer))
                requests.Add((peer, request));
        }
    }

    /// <summary>
    /// Whether nobody can confirm the node any more. An earlier run of this node has ended, or this one could not have begun.
    /// </summary>
    private bool HasVotes(Attempt attempt) => attempt.Lease.Node.Name == self.Name || attempt.HasVotes;

    /// <summary>A renewal that the store has shown.</summary>
    /// <param name="Number">The number.</param>
    /// <param name="Since">When the store showed it first: no earlier than the renewal.</param>
    private readonly record struct SeenRenewal(long Number, TimeSpan Since);

    /// <summary>An eviction that is not over.</summary>
    private sealed class Attempt(NodeLease lease, TimeSpan seenSince)
    {
        public NodeLease Lease => lease;

        public HashSet<NodeId> Voters { get; } = [];

        public required TimeSpan ObservedAt { get; set; }

        public TimeSpan? RequestedAt { get; set; }

        public TimeSpan? AskedAt { get; set; }

        /// <summary>Whether the store was asked for the eviction and has not answered.</summary>
        public bool IsAsked { get; set; }

        public bool HasVotes => IsWithoutMajority(lease.Members) && IsWithoutMajority(lease.Acknowledged);

        public bool IsAbout(DataIdentity data, long renewal) => (lease.Data, lease.Renewal) == (data, renewal);

        public TimeSpan AgeAt(TimeSpan now) => now - seenSince;

        /// <summary>
        /// Whether too few members are left that could confirm the node: of N members, a majority is the node and N / 2 of the other N - 1.
        /// So it takes (N - 1) - N / 2 + 1 votes of these. A node that is the only member confirms itself.
        /// </summary>
        private bool IsWithoutMajority(ImmutableArray<NodeId> members)
        {
            if (members.IsEmpty)
                return true;
            var votes = members.Count(member => member != lease.Node && HasVoted(member));
            return votes >= members.Length - 1 - (members.Length / 2) + 1;
        }

        // A later run of a node votes for an earlier one, which cannot confirm anybody any more.
        private bool HasVoted(NodeId member) =>
            Voters.Any(voter => voter.Name == member.Name && voter.Incarnation >= member.Incarnation);
    }
}

/// <summary>An eviction that is due.</summary>
/// <param name="Node">The node.</param>
/// <param name="Data">The data in which the lease was found. The store refuses the eviction in other data.</param>
/// <param name="Renewal">The last renewal that the store has shown. The store refuses the eviction if there was another one since.</param>
public readonly record struct Eviction(NodeId Node, DataIdentity Data, long Renewal);
