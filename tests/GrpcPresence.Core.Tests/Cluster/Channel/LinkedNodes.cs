using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Testing.Cluster;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Cluster.Channel;

/// <summary>Three nodes with links between them over a simulated network, and what each item went through.</summary>
internal sealed class LinkedNodes
{
    private const int Nodes = 3;
    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(50);

    private readonly SimulatedClock _clock = new();
    private readonly SimulatedNetwork _network;
    private readonly SimulatedMembership _membership;
    private readonly Node[] _nodes;
    private readonly List<Sending> _sendings = [];
    private readonly Dictionary<(NodeId From, NodeId To), long> _last = [];
    private TimeSpan _nextTick;

    public LinkedNodes(int seed)
    {
        var random = new Random(seed);
        _network = new SimulatedNetwork(_clock, random);
        _membership = new SimulatedMembership(_clock, random);
        _nodes = [.. Enumerable.Range(0, Nodes).Select(node => Start($"n{node}"))];
    }

    public void Run(IReadOnlyList<LinkStep> history)
    {
        foreach (var step in history)
            Do(step);
        _network.HealAll();
        _network.Conditions = NetworkConditions.Good;
        ResumeAll();
        Pass(TimeSpan.FromSeconds(10));
        foreach (var sending in _sendings)
            RequireEnd(sending);
    }

    private void Do(LinkStep step)
    {
        var node = _nodes[step.A % Nodes];
        var other = _nodes[(step.A + 1 + (step.B % (Nodes - 1))) % Nodes];
        switch (step.Act)
        {
            case LinkAct.Send when !node.IsPaused:
                for (var item = 0; item <= step.B % 5; item++)
                    Send(node, other, isBounded: (step.B + item) % 3 == 0, TimeSpan.FromMilliseconds(50 + (2 * step.A)));
                if (step.B % 4 != 0)
                    node.Links.Flush(other.Id, _clock.Now);
                break;
            case LinkAct.Wait:
                Pass(TimeSpan.FromMilliseconds(step.A / 2));
                break;
            case LinkAct.Cut:
                _network.Cut(node.Id.Name, other.Id.Name);
                break;
            case LinkAct.Heal:
                _network.HealAll();
                break;
            case LinkAct.Weather:
                _network.Conditions = step.A % 2 == 0 ? NetworkConditions.Bad : NetworkConditions.Good;
                break;
            case LinkAct.Pause:
                node.IsPaused = true;
                _network.Pause(node.Id);
                break;
            case LinkAct.Resume:
                ResumeAll();
                break;
            case LinkAct.Restart:
                // In the order of a new run that removes the old one, or of an old one that is declared dead first.
                if (step.B % 2 == 0)
                    _membership.Remove(node.Id);
                _network.Detach(node.Id);
                _membership.End(node.Id);
                _nodes[step.A % Nodes] = Start(node.Id.Name);
                break;
        }
    }

    private Node Start(string name)
    {
        var view = _membership.Join(_membership.NextRun(name));
        Node node = null!;
        var channel = _network.Attach(view.Self, (from, message) => node.Links.Receive(from, message, _clock.Now));
        node = new Node(view, receiver => new NodeLinks(channel, receiver), Arrived);
        return node;
    }

    private void ResumeAll()
    {
        foreach (var node in _nodes)
        {
            node.IsPaused = false;
            _network.Resume(node.Id);
        }
    }

    private void Send(Node from, Node to, bool isBounded, TimeSpan patience)
    {
        var deadline = isBounded ? _clock.Now + patience : TimeSpan.MaxValue;
        var sending = new Sending(_sendings.Count, from, to, isBounded);
        if (!from.Links.TrySend(to.Id, new TestItem(sending.Number), deadline))
            return;
        _sendings.Add(sending);
    }

    private void Pass(TimeSpan time)
    {
        var end = _clock.Now + time;
        while (_clock.Now < end)
        {
            var next = end < _nextTick ? end : _nextTick;
            if (_network.NextDelivery is { } delivery && delivery < next)
                next = delivery;
            _clock.AdvanceTo(next);
            _membership.Advance();
            _network.DeliverDue();
            if (_clock.Now < _nextTick)
                continue;
            _nextTick += TickInterval;
            foreach (var node in _nodes)
            {
                if (!node.IsPaused)
                    node.Links.Tick(node.View.Current, _clock.Now);
            }
        }
    }

    private void Arrived(NodeId from, NodeId to, TestItem item)
    {
        var sending = _sendings[(int)item.Number];
        if (sending.From.Id != from || sending.To.Id != to)
            throw new BrokenPromiseException("InOrder", $"item {item.Number} came from {from} to {to}, which is not its way");
        if (_last.TryGetValue((from, to), out var last) && item.Number <= last)
            throw new BrokenPromiseException("InOrder", $"item {item.Number} from {from} came to {to} after item {last}");
        _last[(from, to)] = item.Number;
        sending.HasArrived = true;
    }

    private void RequireEnd(Sending sending)
    {
        var lost = sending.From.Lost.TryGetValue(sending.Number, out var outcome) ? outcome : (DroppedItemOutcome?)null;
        if (lost == DroppedItemOutcome.NotSent && sending.HasArrived)
            throw new BrokenPromiseException("OutcomeUnknown", $"item {sending.Number} has arrived, and was called not sent");
        var bothGoOn = _nodes.Contains(sending.From) && _nodes.Contains(sending.To);
        if (bothGoOn && !sending.IsBounded && (!sending.HasArrived || lost is not null))
            throw new BrokenPromiseException("ExactlyOnce", $"item {sending.Number} has not arrived, or was given up");
        if (_nodes.Contains(sending.From) && !sending.HasArrived && lost is null)
            throw new BrokenPromiseException("OutcomeUnknown", $"item {sending.Number} has neither arrived nor been given up");
    }

    /// <summary>One run of a node.</summary>
    private sealed class Node : ILinkReceiver
    {
        private readonly Action<NodeId, NodeId, TestItem> _arrived;

        public Node(IClusterView view, Func<ILinkReceiver, NodeLinks> links, Action<NodeId, NodeId, TestItem> arrived)
        {
            View = view;
            Links = links(this);
            _arrived = arrived;
        }

        public IClusterView View { get; }

        public NodeId Id => View.Self;

        public NodeLinks Links { get; }

        public bool IsPaused { get; set; }

        public Dictionary<long, DroppedItemOutcome> Lost { get; } = [];

        public void Receive(NodeId from, ImmutableArray<LinkItem> items)
        {
            foreach (var item in items)
                _arrived(from, Id, (TestItem)item);
        }

        public void Drop(NodeId node, DroppedItem lost)
        {
            if (!Lost.TryAdd(((TestItem)lost.Item).Number, lost.Outcome))
                throw new BrokenPromiseException("OutcomeUnknown", $"{lost.Item} was given up twice");
        }
    }

    private sealed class Sending(long number, Node from, Node to, bool isBounded)
    {
        public long Number => number;

        public Node From => from;

        public Node To => to;

        public bool IsBounded => isBounded;

        public bool HasArrived { get; set; }
    }
}
