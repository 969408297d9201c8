using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Tests.Presence.Fixture;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Core.Tests.Quotas;

/// <summary>
/// Some nodes that share the quotas of one service instance, on one manual clock. Messages between them may be late, lost or repeated,
/// nodes learn of each other late, and the home shard moves.
/// </summary>
internal sealed class QuotaCluster : IDisposable
{
    public static readonly QuotaLimits Whole = new()
    {
        OpenStreams = 50,
        WatchedUsers = 1000,
        HeartbeatsPerSecond = 400,
        WritesPerSecond = 3, // fewer than nodes
        NewStreamsPerSecond = 100,
        RowsReadPerSecond = int.MaxValue,
        ConcurrentReads = 4,
    };

    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);

    private readonly OwnMeters _meters = new();
    private readonly PresenceMetrics _metrics;
    private readonly Random _random;
    private readonly PriorityQueue<Action, (TimeSpan At, long Number)> _pending = new();
    private readonly HashSet<(NodeId, NodeId)> _cuts = [];
    private readonly Dictionary<NodeId, TimeSpan> _unanswered = []; // the nodes that the home owner asks, and since when
    private TimeSpan _now;
    private long _number;
    private long _incarnations;
    private long _epoch;

    public QuotaCluster(int nodes, int seed)
    {
        _metrics = new PresenceMetrics(_meters);
        _random = new Random(seed);
        for (var i = 0; i < nodes; i++)
            Nodes.Add(new Node(this, $"n{i}"));
        foreach (var node in Nodes)
            node.Lender.SetNodes(View);
        OpenHome(Nodes[0]);
    }

    /// <summary>The key of the service instance.</summary>
    public static QuotaKey Subject { get; } = QuotaKey.Of(1);

    public FakeTimeProvider Time { get; } = new();

    /// <summary>The running nodes, and those that died but are still in the view.</summary>
    public List<Node> Nodes { get; } = [];

    /// <summary>The nodes of the newest view.</summary>
    public IEnumerable<NodeId> View => Nodes.Select(node => node.Id);

    /// <summary>The holder of the home shard as the store knows it; null while it has none.</summary>
    public Node? Home { get; private set; }

    /// <summary>Whether messages may be lost, repeated and late.</summary>
    public bool IsLossy { get; set; }

    /// <summary>
    /// The nodes that were silent to a home owner for so long that it lends without them, and when they were so last.
    /// </summary>
    public Dictionary<NodeId, TimeSpan> Silent { get; } = [];

    /// <summary>Called after everything that happens.</summary>
    public Action Check { get; set; } = () => { };

    /// <summary>Lets time pass. Nodes tick and messages arrive.</summary>
    public void Pass(TimeSpan time, Action? during = null)
    {
        for (var end = _now + time; _now < end;)
        {
            _now += Step;
            Time.Advance(Step);
            NoteSilent(); // before anything is lent
            during?.Invoke();
            while (_pending.TryPeek(out var due, out var at) && at.At <= _now)
            {
                _pending.Dequeue();
                due();
                Check();
            }
            if (_now.Ticks % Limits.Tick.Ticks != 0)
                continue;
            foreach (var node in Nodes.Where(node => node.IsAlive).ToList())
            {
                node.Borrower.Tick(Time.GetTimestamp());
                node.Lender.Tick(Time.GetTimestamp());
                Check();
            }
        }
    }

    /// <summary>Cuts two nodes off from each other. Others reach both.</summary>
    public void Cut(Node one, Node other)
    {
        _cuts.Add((one.Id, other.Id));
        _cuts.Add((other.Id, one.Id));
    }

    /// <summary>Ends all cuts.</summary>
    public void Heal() => _cuts.Clear();

    /// <summary>
    /// All shares are within their bound again. What was lent without a node may still be on its way when the node answers.
    /// </summary>
    public void ForgetSilent()
    {
        foreach (var (node, last) in Silent)
        {
            if (_now - last > TimeSpan.FromSeconds(10))
                Silent.Remove(node);
        }
    }

    /// <summary>Lets time pass at once, in which no node does anything, as if no call came.</summary>
    public void Skip(TimeSpan time)
    {
        _now += time;
        Time.Advance(time);
        Pass(Step);
    }

    /// <summary>Moves the home shard. The holder before may notice it late.</summary>
    public void Move(Node to, TimeSpan noticed)
    {
        if (Home is { } before)
            Later(noticed, () => Close(before, ifNotAgain: before));
        OpenHome(to);
    }

    /// <summary>Ends a node. It leaves the view later, and another node takes the home shard if it had it.</summary>
    public void Kill(Node node, TimeSpan detection)
    {
        node.IsAlive = false;
        Later(detection, () =>
        {
            Nodes.Remove(node);
            Announce();
            if (Home != node)
                return;
            Home = null;
            if (Nodes.Find(other => other.IsAlive) is { } next)
                OpenHome(next);
        });
    }

    /// <summary>Starts a node. The others learn of it later.</summary>
    public Node Start(string name)
    {
        var node = new Node(this, name);
        Nodes.Add(node);
        node.Lender.SetNodes(View);
        Announce();
        return node;
    }

    public void Dispose()
    {
        _metrics.Dispose();
        _meters.Dispose();
    }

    private void OpenHome(Node node)
    {
        Home = node;
        node.Lender.SetNodes(View); // a node claims a shard by the newest view: see QuotaLender for what an older one adds
        node.Lender.OpenHome(Subject.Home, ++_epoch);
        _unanswered.Clear();
        foreach (var asked in View)
            _unanswered[asked] = _now;
    }

    private void Close(Node node, Node ifNotAgain)
    {
        if (Home != ifNotAgain)
            node.Lender.CloseHome(Subject.Home);
    }

    private void Announce()
    {
        foreach (var node in Nodes)
        {
            Later(TimeSpan.FromMilliseconds(_random.Next(300)), () =>
            {
                if (!node.IsAlive)
                    return;
                node.Lender.SetNodes(View);
            });
        }
    }

    private void NoteSilent()
    {
        foreach (var (node, since) in _unanswered)
        {
            if (_now - since >= Limits.QuotaAnswerWait && View.Contains(node))
                Silent[node] = _now;
        }
    }

    private void Send(NodeId to, QuotaMessage message)
    {
        if ((IsLossy && _random.Next(5) == 0) || _cuts.Contains((message.From, to)))
            return;
        var delay = IsLossy && _random.Next(10) == 0 ? _random.Next(4000) : _random.Next(20);
        for (var copies = IsLossy && _random.Next(8) == 0 ? 2 : 1; copies > 0; copies--, delay += _random.Next(2000))
        {
            Later(TimeSpan.FromMilliseconds(delay), () =>
            {
                if (Nodes.Find(node => node.Id == to) is not { IsAlive: true } node)
                    return;
                if (node == Home && message is QuotaReport report && report.Answers.Any(answer => answer.Stamp.Epoch == _epoch))
                    _unanswered.Remove(report.From);
                node.Borrower.Receive(message, Time.GetTimestamp());
                node.Lender.Receive(message, Time.GetTimestamp());
            });
        }
    }

    private void Later(TimeSpan delay, Action action) => _pending.Enqueue(action, (_now + delay, _number++));

    public sealed class Node
    {
        private readonly Queue<IDisposable> _streams = new();

        public Node(QuotaCluster cluster, string name)
        {
            Id = new NodeId(name, ++cluster._incarnations);
            var frequency = cluster.Time.TimestampFrequency;
            Borrower = new QuotaBorrower(Id, Whole, Whole, _ => cluster.Home?.Id, cluster.Send, frequency);
            Lender = new QuotaLender(Id, Whole, Whole, cluster.Send, frequency);
            Limiter = new QuotaLimiter(Whole, Whole, Whole, cluster._metrics, cluster.Time, Borrower);
        }

        public NodeId Id { get; }

        public bool IsAlive { get; set; } = true;

        public QuotaBorrower Borrower { get; }

        public QuotaLender Lender { get; }

        public QuotaLimiter Limiter { get; }

        public int OpenStreams => _streams.Count;

        public int Beat(int count) => Limiter.ChargeHeartbeats(Limiter.OfServiceInstance(1), caller: null, count);

        public bool Open(int watchedUsers)
        {
            var isOpen = Limiter.TryOpenStream(Limiter.OfServiceInstance(1), caller: null, watchedUsers, out var lease, out _);
            if (isOpen)
                _streams.Enqueue(lease!);
            return isOpen;
        }

        public void Close()
        {
            if (_streams.TryDequeue(out var lease))
                lease.Dispose();
        }

        /// <summary>What the node may use, or uses already although its share is smaller now.</summary>
        public int Uses(Quota quota)
        {
            var share = Borrower.ShareOf(Subject)[quota];
            return quota == Quota.OpenStreams ? Math.Max(share, _streams.Count) : share;
        }
    }
}
