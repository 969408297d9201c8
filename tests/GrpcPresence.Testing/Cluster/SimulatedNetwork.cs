using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Testing.Cluster;

/// <summary>
/// A network between nodes in one process that delays, loses, repeats and reorders messages. Deterministic: the same seed and the same
/// calls give the same deliveries. One thread uses it.
/// </summary>
/// <remarks>
/// <para>
/// The test moves the clock to <see cref="NextDelivery"/> and calls <see cref="DeliverDue"/>. Each message has a delay of its own, so a
/// later one may overtake an earlier one. Whatever a test wants to reach over the network, such as a store, can be attached as a node.
/// </para>
/// <para>
/// A cut stands between two machines, and so between names of nodes, and applies to one direction. It loses what is sent and what would
/// arrive while it exists. Pausing is that of a process: its messages wait, and arrive when it resumes.
/// </para>
/// </remarks>
/// <param name="clock">True time.</param>
/// <param name="random">Decides about delays, losses and repetitions.</param>
/// <param name="isByDirection">
/// Whether each direction between two nodes has random numbers of its own. Then the order in which a node sends to several others changes
/// nothing. That order may follow from the hashes of their names, which differ from process to process.
/// </param>
public sealed class SimulatedNetwork(SimulatedClock clock, Random random, bool isByDirection = false)
{
    private readonly PriorityQueue<Delivery, (TimeSpan Due, long Order)> _underWay = new();
    private readonly Dictionary<NodeId, Endpoint> _endpoints = [];
    private readonly HashSet<(string From, string To)> _cuts = [];
    private readonly Dictionary<(NodeId From, NodeId To), Random> _randoms = [];
    private readonly int _seed = isByDirection ? random.Next() : 0;
    private long _order;

    /// <summary>How the network treats the messages that are sent from now on.</summary>
    public NetworkConditions Conditions { get; set; } = NetworkConditions.Good;

    /// <summary>The number of messages that were delivered.</summary>
    public long Delivered { get; private set; }

    /// <summary>The time of the next delivery, or null if no message is under way.</summary>
    public TimeSpan? NextDelivery => _underWay.TryPeek(out _, out var next) ? next.Due : null;

    /// <summary>Adds a run of a node, and returns the channel on which it sends.</summary>
    /// <param name="node">The node.</param>
    /// <param name="receive">Takes a message and its sender.</param>
    public INodeChannel Attach(NodeId node, Action<NodeId, NodeMessage> receive)
    {
        _endpoints.Add(node, new Endpoint(receive));
        return new Channel(this, node);
    }

    /// <summary>Ends a run of a node. What it has sent still arrives; what arrives for it is lost.</summary>
    public void Detach(NodeId node) => _endpoints.Remove(node);

    /// <summary>Keeps what arrives for a node until it resumes.</summary>
    public void Pause(NodeId node)
    {
        if (_endpoints.TryGetValue(node, out var endpoint))
            endpoint.Kept ??= [];
    }

    /// <summary>Delivers what has arrived for a paused node, in order, with the next deliveries.</summary>
    public void Resume(NodeId node)
    {
        if (!_endpoints.TryGetValue(node, out var endpoint) || endpoint.Kept is not { } kept)
            return;
        endpoint.Kept = null;
        foreach (var delivery in kept)
            Enqueue(delivery, clock.Now);
    }

    /// <summary>Cuts one direction between two machines.</summary>
    public void Cut(string from, string to) => _cuts.Add((from, to));

    /// <summary>Cuts both directions between two machines.</summary>
    public void CutPair(string one, string other)
    {
        Cut(one, other);
        Cut(other, one);
    }

    /// <summary>Restores one direction.</summary>
    public void Heal(string from, string to) => _cuts.Remove((from, to));

    /// <summary>Restores every direction.</summary>
    public void HealAll() => _cuts.Clear();

    /// <summary>Delivers all messages that are due, in order, including those that are sent meanwhile and arrive at once.</summary>
    public void DeliverDue()
    {
        while (DeliverNext())
        {
        }
    }

    /// <summary>Delivers the next message that is due. Returns false if no message is due.</summary>
    public bool DeliverNext()
    {
        if (NextDelivery is not { } due || due > clock.Now)
            return false;
        var delivery = _underWay.Dequeue();
        if (_cuts.Contains((delivery.From.Name, delivery.To.Name)) || !_endpoints.TryGetValue(delivery.To, out var endpoint))
            return true;
        if (endpoint.Kept is { } kept)
        {
            kept.Add(delivery);
            return true;
        }
        Delivered++;
        endpoint.Receive(delivery.From, delivery.Message);
        return true;
    }

    private void Send(Delivery delivery)
    {
        var numbers = RandomOf(delivery.From, delivery.To);
        if (_cuts.Contains((delivery.From.Name, delivery.To.Name)) || numbers.NextDouble() < Conditions.Loss)
            return;
        Enqueue(delivery, clock.Now + Delay(numbers));
        if (numbers.NextDouble() < Conditions.Duplication)
            Enqueue(delivery, clock.Now + Delay(numbers));
    }

    private TimeSpan Delay(Random numbers)
    {
        var longest = numbers.NextDouble() < Conditions.SlowShare ? Conditions.SlowDelay : Conditions.Delay;
        return longest * numbers.NextDouble();
    }

    private Random RandomOf(NodeId from, NodeId to)
    {
        if (!isByDirection)
            return random;
        if (!_randoms.TryGetValue((from, to), out var numbers))
            _randoms.Add((from, to), numbers = new Random($"{from} {to}".Aggregate(_seed, (hash, letter) => (hash * 31) + letter)));
        return numbers;
    }

    private void Enqueue(Delivery delivery, TimeSpan due) => _underWay.Enqueue(delivery, (due, ++_order));

    private sealed record Delivery(NodeId From, NodeId To, NodeMessage Message);

    private sealed class Endpoint(Action<NodeId, NodeMessage> receive)
    {
        public Action<NodeId, NodeMessage> Receive => receive;

        /// <summary>What has arrived while the node is paused; null if it is not.</summary>
        public List<Delivery>? Kept { get; set; }
    }

    private sealed class Channel(SimulatedNetwork network, NodeId from) : INodeChannel
    {
        public void Send(NodeId receiver, NodeMessage message) => network.Send(new Delivery(from, receiver, message));
    }
}

/// <summary>How a network treats messages.</summary>
public sealed record NetworkConditions
{
    /// <summary>Up to 2 ms, and nothing is lost.</summary>
    public static NetworkConditions Good { get; } = new();

    /// <summary>One message in ten is lost or repeated, and one in ten takes up to a second.</summary>
    public static NetworkConditions Bad { get; } = new() { Loss = 0.1, Duplication = 0.1, SlowShare = 0.1 };

    /// <summary>The longest delay of most messages.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMilliseconds(2);

    /// <summary>The longest delay of the slow ones.</summary>
    public TimeSpan SlowDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The share of slow messages, which others overtake.</summary>
    public double SlowShare { get; init; }

    /// <summary>The share of messages that are lost.</summary>
    public double Loss { get; init; }

    /// <summary>The share of messages that arrive twice.</summary>
    public double Duplication { get; init; }
}
