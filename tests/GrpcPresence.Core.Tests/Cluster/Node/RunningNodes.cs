using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Tests.Cluster.Simulation;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Node;

/// <summary>Whole nodes on one clock, over a good network and a model of the store. The test says what happens to them.</summary>
internal sealed class RunningNodes : IDisposable
{
    private static readonly TimeSpan Quantum = Limits.NodeStep;

    private readonly SimulatedClock _clock = new();
    private readonly SimulatedTime _storeTime = new();
    private readonly Continuations _continuations = new();
    private readonly List<SimulatedNode> _nodes = [];
    private readonly ClusterBackEnd _backEnd;
    private readonly ClusterQuotas _quotas;
    private readonly SteppedNodes _stepped;
    private readonly HashSet<SimulatedNode> _ended = [];

    public RunningNodes()
    {
        Network = new SimulatedNetwork(_clock, new Random(1));
        Membership = new SimulatedMembership(_clock, new Random(1)) { MaxLag = TimeSpan.Zero };
        Store = new InMemoryPresenceStore(seed: 1, _storeTime);
        _backEnd = new ClusterBackEnd(seed: 1, _clock, Store, _continuations);
        _quotas = new ClusterQuotas(_clock);
        _stepped = new SteppedNodes(Quantum, _clock, _storeTime, Network, Membership, _continuations, _nodes)
        {
            Stepped = NoteEnd,
            AllStepped = () => AfterStep?.Invoke(),
        };
    }

    public SimulatedNetwork Network { get; }

    public SimulatedMembership Membership { get; }

    public InMemoryPresenceStore Store { get; }

    public ServiceSid Service { get; private set; }

    /// <summary>How far the wall clock of the store was set forward, or back.</summary>
    public TimeSpan StoreClockStep { set => _storeTime.WallStep = value; }

    /// <summary>The number of webhooks that were sent.</summary>
    public int WebhooksSent => _backEnd.Attempts;

    /// <summary>Called after each step of time.</summary>
    public Action? AfterStep { get; set; }

    public void Dispose()
    {
        foreach (var node in _nodes)
            node.Dispose();
        Store.Dispose();
    }

    /// <summary>
    /// Creates a service instance, with reachability on, before the first node starts. Its SID is the same in each run, so that its users
    /// have the same shards.
    /// </summary>
    public async Task CreateServiceAsync()
    {
        using var world = new World(Store);
        Service = (await world.Do(new CreateServiceInstance(new ServiceSid(1), ""))).Sid;
        await world.Configure(Service, before => before with { ReachabilityEnabled = true });
        _backEnd.Begin(Service);
        _quotas.Subject = QuotaKey.Of(Store.Image.Get(Service).Record.Id);
    }

    public SimulatedNode Start(string name)
    {
        var node = new SimulatedNode(
            Membership.NextRun(name), Store.OpenNode(), Membership, Network, Service, _clock.Now, _continuations, hub => hub,
            _backEnd, _quotas);
        _nodes.Add(node);
        return node;
    }

    /// <summary>Ends a node as SIGKILL does. The others see it when its failure is detected.</summary>
    public void Kill(SimulatedNode node)
    {
        node.IsPaused = true;
        Network.Detach(node.Id);
        Membership.End(node.Id);
        Membership.Fail(node.Id);
    }

    /// <summary>Whether the user is stored online; null if the user does not exist.</summary>
    public bool? IsOnline(string user) =>
        Store.Image.Get(Service) is var stored && stored.FindUser(World.Key(user)) is { } found ? stored.StateOf(found).IsOnline : null;

    /// <summary>Lets time pass. A node that has ended is gone for the others.</summary>
    public void Advance(TimeSpan by) => _stepped.Advance(by);

    /// <summary>Returns the nodes that answer for the shard.</summary>
    public IReadOnlyList<NodeId> HoldersOf(Shard shard) =>
        [.. _nodes.Where(node => node.IsServing && node.Answers(shard)).Select(node => node.Id)];

    private void NoteEnd(SimulatedNode node)
    {
        Assert.Null(node.Fault);
        if (node.Node.End is null || !_ended.Add(node))
            return;
        Network.Detach(node.Id);
        Membership.End(node.Id);
        Membership.Remove(node.Id);
    }
}
