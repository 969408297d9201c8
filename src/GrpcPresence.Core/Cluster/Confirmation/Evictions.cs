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
    /// <summary>The age of a lease beyond which its node can be evicted without votes.</summary>
    private static readonly TimeSpan WithoutVotes = Limits.PeerConfirmation + Limits.Confirmation;

    private readonly Dictionary<NodeId, Attempt> _attempts = [];
    private Dictionary<NodeId, SeenRenewal> _seen = []; // the last renewal of each active node
    private DataIdentity _data; // what this node knows

    /// <summary>The store shows the leases of all active nodes.</summary>
    public void NoteLeases(ImmutableArray<NodeLease> leases, ClusterView view, TimeSpan now)
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
    public void SetData(DataIdentity data)
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

    /// <summary>A peer does not vote. It is asked again all the same.</summary>
    public void Receive(NodeId from, VoteRefused refused)
    {
        if (_attempts.TryGetValue(refused.Node, out var attempt) && attempt.IsAbout(refused.Data, refused.Renewal))
            attempt.Obstacles[from.Name] = refused.Obstacle;
    }

    /// <summary>Returns the nodes whose evictions are not over.</summary>
    public ImmutableArray<NodeId> List() => _attempts.Count == 0 ? [] : [.. _attempts.Keys];

    /// <summary>Returns the evictions that are not over, ordered by name.</summary>
    public ImmutableArray<EvictionStatus> Read(ClusterView view, TimeSpan now) => _attempts.Count == 0
        ? []
        : [.. _attempts.OrderBy(attempt => attempt.Key.Name, StringComparer.Ordinal).Select(attempt => Describe(attempt.Value, view, now))];

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
            if (attempt.AgeAt(now) <= (HasVotes(attempt) ? Limits.Confirmation : WithoutVotes))
                continue;
            attempt.IsAsked = true;
            attempt.AskedAt = now;
            eviction = new Eviction(node, attempt.Lease.Data, attempt.Lease.Renewal, HasVotes(attempt));
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
        if (!attempt.Voters.Contains(self))
        {
            if (promises.TryVote(node, attempt.Lease.Renewal, now, out var obstacle))
                attempt.Voters.Add(self);
            else
                attempt.Obstacles[self.Name] = obstacle;
        }
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

    private EvictionStatus Describe(Attempt attempt, ClusterView view, TimeSpan now)
    {
        var age = attempt.AgeAt(now);
        var hasVotes = HasVotes(attempt);
        var missing = hasVotes ? [] : attempt.ListMissing().Select(voter =>
            new MissingVote(voter, view.Nodes.Any(node => node.Name == voter.Name)
                ? attempt.Obstacles.TryGetValue(voter.Name, out var obstacle) ? obstacle : null
                : VoteObstacle.NotInView));
        return new EvictionStatus
        {
            Node = attempt.Lease.Node,
            LeaseAge = age,
            VotesNeeded = hasVotes ? 0 : attempt.VotesNeeded,
            MissingVotes = [.. missing],
            NeedsNoVotesAfter = hasVotes || age > WithoutVotes ? TimeSpan.Zero : WithoutVotes - age,
            IsAsked = attempt.IsAsked,
        };
    }

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

        /// <summary>Why nodes have not voted, as they have said last. A later run may say it, so the name counts.</summary>
        public Dictionary<string, VoteObstacle> Obstacles { get; } = [];

        public TimeSpan? RequestedAt { get; set; }

        public TimeSpan? AskedAt { get; set; }

        /// <summary>Whether the store was asked for the eviction and has not answered.</summary>
        public bool IsAsked { get; set; }

        public bool HasVotes => VotesNeeded == 0;

        /// <summary>How many more votes it takes, so that too few members are left in both lists that could confirm the node.</summary>
        public int VotesNeeded => Math.Max(VotesNeededOf(lease.Members), VotesNeededOf(lease.Acknowledged));

        public bool IsAbout(DataIdentity data, long renewal) => (lease.Data, lease.Renewal) == (data, renewal);

        public TimeSpan AgeAt(TimeSpan now) => now - seenSince;

        /// <summary>Returns the other members that have not voted, ordered by name.</summary>
        public IEnumerable<NodeId> ListMissing() => lease.Members.Union(lease.Acknowledged)
            .Where(member => member.Name != lease.Node.Name && !HasVoted(member)).OrderBy(member => member.Name, StringComparer.Ordinal);

        /// <summary>
        /// Returns how many more votes it takes until too few members are left that could confirm the node: of N members, a majority is the
        /// node and N / 2 of the other N - 1. So it takes (N - 1) - N / 2 + 1 votes of these. A node that is the only member confirms
        /// itself.
        /// </summary>
        private int VotesNeededOf(ImmutableArray<NodeId> members)
        {
            if (members.IsEmpty)
                return 0;
            var votes = members.Count(member => member != lease.Node && HasVoted(member));
            return Math.Max(0, members.Length - 1 - (members.Length / 2) + 1 - votes);
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
/// <param name="HasVotes">
/// Whether no majority is left that could confirm the node. Otherwise so much time has passed that no earlier confirmation counts.
/// </param>
public readonly record struct Eviction(NodeId Node, DataIdentity Data, long Renewal, bool HasVotes);
