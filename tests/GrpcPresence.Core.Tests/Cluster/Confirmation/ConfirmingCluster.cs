using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Testing.Cluster;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Cluster.Confirmation;

/// <summary>Nodes that confirm and evict each other, over a simulated network, with simulated views and a model of the leases.</summary>
internal sealed class ConfirmingCluster
{
    public const int MaxNodes = 7;

    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(50);

    private readonly Random _random;
    private readonly SimulatedClock _clock = new();
    private readonly Dictionary<NodeId, ConfirmingNode> _processes = []; // also those that have stopped

    /// <param name="seed">Decides about everything that the steps do not say.</param>
    /// <param name="nodes">The number of nodes at the start.</param>
    public ConfirmingCluster(int seed, int nodes)
    {
        _random = new Random(seed);
        Network = new SimulatedNetwork(_clock, _random);
        Membership = new SimulatedMembership(_clock, _random) { MaxLag = TimeSpan.FromSeconds(3 * _random.NextDouble()) };
        Store = new LeaseStore(_random) { Evicted = node => RequireNoAnswer(node, "at its eviction") };
        AttachStore();
        for (var node = 0; node < nodes; node++)
            Join($"n{node}");
    }

    public SimulatedNetwork Network { get; }

    public SimulatedMembership Membership { get; }

    public LeaseStore Store { get; }

    public TimeSpan Now => _clock.Now;

    /// <summary>The nodes whose process runs, paused ones included, in the order of their starts.</summary>
    public List<ConfirmingNode> Nodes { get; } = [];

    /// <summary>The nodes that the store holds for active although their process has ended.</summary>
    public IEnumerable<NodeId> DeadButActive => Store.Active.Where(node => Nodes.All(running => running.Id != node));

    public void Join(string name)
    {
        var id = Membership.NextRun(name);
        Store.Join(id);
        // Up to 0.2 % too fast or too slow, so that two clocks differ by less than the margin of a confirmation.
        var time = new DriftingClock(_clock, TimeSpan.FromHours(_random.NextDouble()), (_random.NextDouble() - 0.5) * 0.004);
        var node = new ConfirmingNode(Membership.Join(id), Network, time) { NextTick = Now };
        Nodes.Add(node);
        _processes.Add(id, node);
    }

    /// <summary>Ends a process without a word. The others notice.</summary>
    public void Kill(ConfirmingNode node)
    {
        End(node);
        Membership.Fail(node.Id);
    }

    public void Leave(ConfirmingNode node)
    {
        node.Leave();
        End(node);
        Membership.Remove(node.Id);
    }

    public void Pause(ConfirmingNode node)
    {
        node.IsPaused = true;
        Network.Pause(node.Id);
        Membership.Pause(node.Id);
    }

    public void Resume(ConfirmingNode node)
    {
        node.IsPaused = false;
        node.NextTick = Now + (TickInterval * _random.NextDouble());
        Network.Resume(node.Id);
        if (!node.IsWithoutViews)
            Membership.Resume(node.Id);
    }

    /// <summary>The store answers what arrives from now on.</summary>
    public void AttachStore()
    {
        INodeChannel? channel = null;
        channel = Network.Attach(LeaseStore.Address, (from, message) =>
        {
            if (Store.Answer(from, message) is { } answer)
                channel!.Send(from, answer);
        });
    }

    /// <summary>A node does not reach the store, or does not get its answers, and sees no views, which come from the store too.</summary>
    public void CutStore(ConfirmingNode node, bool requests, bool answers)
    {
        if (requests)
            Network.Cut(node.Id.Name, LeaseStore.Address.Name);
        if (answers)
            Network.Cut(LeaseStore.Address.Name, node.Id.Name);
        node.IsWithoutViews = true;
        Membership.Pause(node.Id);
    }

    /// <summary>A node reaches the store again.</summary>
    public void HealStore(ConfirmingNode node)
    {
        Network.Heal(node.Id.Name, LeaseStore.Address.Name);
        Network.Heal(LeaseStore.Address.Name, node.Id.Name);
        node.IsWithoutViews = false;
        if (!node.IsPaused)
            Membership.Resume(node.Id);
    }

    /// <summary>All cuts end.</summary>
    public void HealAll()
    {
        Network.HealAll();
        foreach (var node in Nodes)
            HealStore(node);
    }

    /// <summary>Lets time pass.</summary>
    public void Run(TimeSpan time, Action? afterEach = null)
    {
        var end = Now + time;
        while (true)
        {
            var next = end;
            foreach (var node in Nodes)
            {
                if (!node.IsPaused && node.NextTick < next)
                    next = node.NextTick;
            }
            if (Network.NextDelivery is { } delivery && delivery < next)
                next = delivery;
            if (Membership.NextChange is { } change && change < next)
                next = change;
            if (next >= end)
            {
                _clock.AdvanceTo(end);
                return;
            }
            _clock.AdvanceTo(next);
            Membership.Advance();
            Network.DeliverDue();
            Tick();
            foreach (var node in Nodes)
            {
                if (!Store.IsActive(node.Id))
                    RequireNoAnswer(node.Id, "after its eviction");
            }
            afterEach?.Invoke();
        }
    }

    private void Tick()
    {
        for (var index = Nodes.Count - 1; index >= 0; index--)
        {
            var node = Nodes[index];
            if (node.IsPaused || node.NextTick > Now)
                continue;
            node.NextTick = Now + (TickInterval * (0.5 + (_random.NextDouble() / 2)));
            node.Tick();
            if (node.HasStopped)
                Kill(node);
        }
    }

    private void End(ConfirmingNode node)
    {
        Nodes.Remove(node);
        Network.Detach(node.Id);
        Membership.End(node.Id);
    }

    private void RequireNoAnswer(NodeId id, string when)
    {
        if (_processes[id] is { } node && Nodes.Contains(node) && node.Answers)
            throw new BrokenPromiseException("OneHolder", $"{id} answers {when}, at {Now}");
    }
}
