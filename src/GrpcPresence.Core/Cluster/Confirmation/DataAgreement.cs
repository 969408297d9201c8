using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Confirmation;

/// <summary>
/// Whether no node answers any more by earlier data, which may say otherwise who holds a shard. Until then this node opens no shard that it
/// takes over. Not safe from several threads.
/// </summary>
/// <remarks>
/// <para>
/// When the store has lost commits, a shard may have another holder in the data that is left. The holder of before answers until it knows
/// that data, or until nobody confirms it any more. So each other node that is active or in the view must say that it knows the data. It
/// has closed what it does not hold by then, and confirms no node that does not know the data.
/// </para>
/// <para>
/// What a node promised its peers before stands for <see cref="Limits.Confirmation"/>, and so does a renewal that is lost. A node that has
/// known the data for so long has no such promise left, and says so. A node that starts learns from this that nothing was lost lately.
/// </para>
/// <para>
/// A node that does not answer is waited for until it is neither active nor in the view, and at most until its peers alone can confirm it
/// no longer.
/// </para>
/// </remarks>
internal sealed class DataAgreement(NodeId self)
{
    private readonly HashSet<NodeId> _agreed = [];
    private ImmutableArray<NodeId> _members = [];
    private TimeSpan _begunAt;
    private TimeSpan _safeAt; // when every promise of a node that has agreed is over
    private TimeSpan? _askedAt;
    private bool _isRecent; // whether the data may be younger than a renewal lasts
    private bool _isBegun;

    /// <summary>Whether no node answers by earlier data.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>This node knows other data from now on.</summary>
    public void Begin(TimeSpan now)
    {
        (_begunAt, _askedAt, _isRecent, _isBegun, IsComplete) = (now, null, true, true, false);
        _safeAt = now;
        _agreed.Clear();
    }

    /// <summary>Takes the nodes that are active in the data.</summary>
    public void Note(ImmutableArray<NodeId> members) => _members = members;

    /// <summary>Takes the answer of a node to a question about the data that this node knows.</summary>
    public void Receive(NodeId from, TimeSpan knownFor, TimeSpan now)
    {
        if (!_isBegun || IsComplete || !_agreed.Add(from))
            return;
        if (knownFor < Limits.Confirmation)
            _safeAt = TimeSpan.FromTicks(Math.Max(_safeAt.Ticks, (now + Limits.Confirmation - knownFor).Ticks));
        else
            _isRecent = false;
    }

    /// <summary>Returns the nodes that have not said that they know the data, ordered by name; empty if it is complete.</summary>
    public ImmutableArray<NodeId> ListMissing(ClusterView view) =>
        _isBegun && !IsComplete ? [.. FindMissing(view).OrderBy(node => node.Name, StringComparer.Ordinal)] : [];

    /// <summary>Checks what is missing, and adds the nodes that are to be asked now.</summary>
    public void Tick(ClusterView view, TimeSpan now, List<NodeId> toAsk)
    {
        if (!_isBegun || IsComplete)
            return;
        var open = FindMissing(view).ToArray();
        var isSafe = now >= _safeAt && (!_isRecent || now >= _begunAt + Limits.Confirmation);
        IsComplete = (open.Length == 0 && isSafe) || now - _begunAt >= Limits.PeerConfirmation + Limits.Confirmation;
        if (IsComplete || (_askedAt is { } asked && now - asked < Limits.ConfirmationRenewal))
            return;
        _askedAt = now;
        toAsk.AddRange(open);
    }

    private IEnumerable<NodeId> FindMissing(ClusterView view) =>
        view.Nodes.Union(_members).Where(node => node.Name != self.Name && !_agreed.Contains(node));
}
