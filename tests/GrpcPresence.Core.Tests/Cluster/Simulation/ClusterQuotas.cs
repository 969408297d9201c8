using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Storage;
using GrpcPresence.Testing.Cluster;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Cluster.Simulation;

/// <summary>Checks what the nodes together allow of one quota, and that each call is charged once.</summary>
internal sealed class ClusterQuotas(SimulatedClock clock)
{
    private const int Limit = 20;
    private const int MostNodes = 7;

    private static readonly TimeSpan Window = TimeSpan.FromSeconds(2);

    private readonly HashSet<long> _charged = [];
    private readonly Queue<TimeSpan> _granted = new(); // in the last window
    private readonly HashSet<NodeId> _excused = []; // the home owner's view lacked them, so it may have lent their shares to others
    private readonly HashSet<(Home Home, NodeId Node)> _answered = []; // who has said to a home owner what it holds
    private (Home Home, TimeSpan Since) _home;
    private TimeSpan _excusedUntil;
    private long _lastCall;

    /// <summary>The limits of the service instance in the whole cluster. Steady heartbeats must not reach theirs.</summary>
    public static QuotaLimits Whole { get; } = new()
    {
        OpenStreams = 100,
        WatchedUsers = 1000,
        HeartbeatsPerSecond = 10_000,
        WritesPerSecond = Limit,
        NewStreamsPerSecond = 100,
        RowsReadPerSecond = int.MaxValue,
        ConcurrentReads = 4,
    };

    /// <summary>The key of the service instance; the first of the store.</summary>
    public QuotaKey Subject { get; set; }

    /// <summary>Returns the number of a new call.</summary>
    public long NextCall() => ++_lastCall;

    /// <summary>Charges a call, and returns whether it is allowed.</summary>
    /// <exception cref="BrokenPromiseException">The call was charged before.</exception>
    public bool TryCharge(QuotaLimiter limiter, long call)
    {
        if (!_charged.Add(call))
            throw new BrokenPromiseException("SharedQuota", $"call {call} is charged twice");
        var isGranted = limiter.TryChargeWrite(limiter.OfServiceInstance((long)Subject.Number), caller: null, out _);
        if (isGranted)
            _granted.Enqueue(clock.Now);
        return isGranted;
    }

    /// <summary>Notes a report that a node has received, which may be the home owner.</summary>
    public void NoteAnswers(SimulatedNode to, QuotaReport report)
    {
        foreach (var answer in report.Answers.Where(answer => answer.Shard == Subject.Home))
            _answered.Add((new Home(to.Id, answer.Stamp.Epoch, report.Data), report.From));
    }

    /// <summary>
    /// Notes which nodes a home owner does not ask for their shares when it begins, because its view lacks them. To be called whenever
    /// nodes have done something.
    /// </summary>
    public void NoteUnknown(IReadOnlyList<SimulatedNode> serving, SimulatedNode? holder, ClusterView newest)
    {
        foreach (var node in serving.Where(node => !newest.Contains(node.Id) || holder?.View.Current.Contains(node.Id) == false))
            _excused.Add(node.Id);
    }

    /// <summary>Checks the shares of the nodes that serve clients, and what was allowed in the last seconds.</summary>
    /// <param name="serving">These nodes.</param>
    /// <param name="holder">The home owner, if it serves.</param>
    /// <param name="newest">The newest view.</param>
    /// <exception cref="BrokenPromiseException">A promise does not hold.</exception>
    public void Check(IReadOnlyList<SimulatedNode> serving, SimulatedNode? holder, ClusterView newest)
    {
        NoteUnknown(serving, holder, newest);
        _excused.UnionWith(serving.Select(node => node.Id).Where(node => IsSilent(node, holder)));
        var shares = serving.Sum(ShareOf);
        var bound = Limit + serving.Count;
        if (shares <= bound)
        {
            _excused.RemoveWhere(
                node => newest.Contains(node) && holder?.View.Current.Contains(node) != false && !IsSilent(node, holder));
        }
        var counted = serving.Where(node => !_excused.Contains(node.Id)).Sum(ShareOf);
        if (counted > bound)
        {
            var all = string.Join(" + ", serving.Select(node => $"{ShareOf(node)} of {node.Id}"));
            throw new BrokenPromiseException("SharedQuota", $"the shares are {all}, above {bound}");
        }
        if (serving.Any(node => _excused.Contains(node.Id) && ShareOf(node) > 1)) // 1 is for each node
            _excusedUntil = clock.Now + Window;
        while (_granted.TryPeek(out var at) && at < clock.Now - Window)
            _granted.Dequeue();
        // A second's worth at once, and the rate. Nodes may come and go meanwhile.
        if (clock.Now > _excusedUntil && _granted.Count > (Limit + (2 * MostNodes)) * (1 + Window.TotalSeconds))
            throw new BrokenPromiseException("SharedQuota", $"{_granted.Count} calls were allowed in {Window.TotalSeconds} s");
    }

    /// <summary>Checks that a node whose callers ask for all of the quota has got most of it.</summary>
    /// <exception cref="BrokenPromiseException">A promise does not hold.</exception>
    public void RequireMost(SimulatedNode node)
    {
        if (ShareOf(node) < Limit / 2)
            throw new BrokenPromiseException("SharedQuota", $"{node.Id} asks for everything and has {ShareOf(node)} of {Limit}");
    }

    /// <summary>Whether the home owner may lend without what the node holds, because it has not answered for too long.</summary>
    private bool IsSilent(NodeId node, SimulatedNode? holder)
    {
        if (holder is null)
            return false;
        var home = new Home(holder.Id, holder.Gates[Subject.Home].Epoch, holder.Node.Data);
        if (_home.Home != home)
            _home = (home, clock.Now);
        var isOld = clock.Now - _home.Since >= Limits.QuotaAnswerWait - (2 * Limits.Tick); // asked before this was called
        return isOld && node != holder.Id && !_answered.Contains((home, node));
    }

    private int ShareOf(SimulatedNode node) => node.Node.Quotas.ShareOf(Subject)[Quota.WritesPerSecond];

    private readonly record struct Home(NodeId Node, long Epoch, DataIdentity Data);
}
