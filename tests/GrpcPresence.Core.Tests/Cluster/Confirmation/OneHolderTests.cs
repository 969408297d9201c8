using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Cluster;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Cluster.Confirmation;

/// <summary>
/// OneHolder: a node that was evicted answers nothing any more, so a user has one owner at a time. Random histories; a failure prints the
/// seed and the shortest history. To run more:
/// <c>PRESENCE_HISTORIES=100000 dotnet test --project tests/GrpcPresence.Core.Tests</c>.
/// </summary>
public sealed class OneHolderTests
{
    private const int Length = 20;
    private const int Parts = 4;
    private const int Settled = 8; // one in so many histories goes on until all faults are repaired, which takes as long as the history

    // Each answer may take so long that it comes too late, or almost.
    private static readonly NetworkConditions Slow =
        new() { SlowShare = 0.5, SlowDelay = TimeSpan.FromMilliseconds(700), Duplication = 0.2 };

    private static int Histories =>
        int.TryParse(Environment.GetEnvironmentVariable("PRESENCE_HISTORIES"), out var histories) ? histories : 10_000;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void OneHolder_in_random_histories(int part)
    {
        for (var seed = part; seed < Histories; seed += Parts)
            Require(seed);
    }

    private static void Require(int seed)
    {
        var history = ClusterStep.History(seed, Length);
        if (FailureOf(seed, history) is not { } failure)
            return;
        var shortest = ShortestHistory.Of(history, steps => FailureOf(seed, steps) is not null);
        failure = FailureOf(seed, shortest) ?? failure;
        Assert.Fail($"Seed {seed}: {failure.Message}{Environment.NewLine}{string.Join(Environment.NewLine, shortest)}");
    }

    private static BrokenPromiseException? FailureOf(int seed, IReadOnlyList<ClusterStep> history)
    {
        try
        {
            Run(seed, history);
            return null;
        }
        catch (BrokenPromiseException exception)
        {
            return exception;
        }
    }

    private static void Run(int seed, IReadOnlyList<ClusterStep> history)
    {
        var cluster = new ConfirmingCluster(seed, nodes: 2 + (Math.Abs(seed) % 6));
        cluster.Run(TimeSpan.FromMilliseconds(600));
        var isHeld = false;
        foreach (var step in history)
        {
            Do(cluster, step, ref isHeld);
            cluster.Run(TimeSpan.FromMilliseconds(step.B / 10));
        }
        if (seed % (Parts * Settled) < Parts)
            Settle(cluster);
    }

    private static void Do(ConfirmingCluster cluster, ClusterStep step, ref bool isHeld)
    {
        var nodes = cluster.Nodes;
        var network = cluster.Network;
        var store = LeaseStore.Address.Name;
        var one = nodes.Count > 0 ? nodes[step.A % nodes.Count] : null;
        var other = nodes.Count > 1 ? nodes[(step.A + 1 + (step.B % (nodes.Count - 1))) % nodes.Count] : null;
        switch (step.Act)
        {
            case ClusterAct.Wait:
                cluster.Run(TimeSpan.FromMilliseconds(step.A / 2));
                break;
            case ClusterAct.WaitLong:
                cluster.Run(TimeSpan.FromMilliseconds(1000 + (3 * step.A)));
                break;
            case ClusterAct.CutStore when one is not null:
                cluster.CutStore(one, requests: step.B % 3 != 0, answers: step.B % 3 != 1);
                break;
            case ClusterAct.HealStore when one is not null:
                cluster.HealStore(one);
                break;
            case ClusterAct.Isolate when one is not null:
                cluster.CutStore(one, requests: step.B % 3 != 0, answers: step.B % 3 != 1);
                for (var peer = 0; peer < nodes.Count; peer++)
                {
                    if (nodes[peer] != one && (step.B >> peer) % 2 == 0)
                        network.CutPair(one.Id.Name, nodes[peer].Id.Name);
                }
                if (step.A % 5 != 0)
                    cluster.Membership.Remove(one.Id);
                break;
            case ClusterAct.HoldStore:
                isHeld = !isHeld;
                if (isHeld)
                    network.Pause(LeaseStore.Address);
                else
                    network.Resume(LeaseStore.Address);
                break;
            case ClusterAct.CutPair when one is not null && other is not null:
                network.CutPair(one.Id.Name, other.Id.Name);
                break;
            case ClusterAct.CutOneWay when one is not null && other is not null:
                network.Cut(one.Id.Name, other.Id.Name);
                break;
            case ClusterAct.Heal:
                cluster.HealAll();
                break;
            case ClusterAct.Weather:
                network.Conditions = (step.A % 3) switch
                {
                    0 => NetworkConditions.Good,
                    1 => NetworkConditions.Bad,
                    _ => Slow,
                };
                break;
            case ClusterAct.Pause when one is not null:
                cluster.Pause(one);
                break;
            case ClusterAct.Resume:
                if (nodes.Find(node => node.IsPaused) is { } paused)
                    cluster.Resume(paused);
                break;
            case ClusterAct.Kill when one is not null:
                cluster.Kill(one);
                break;
            case ClusterAct.Convict when one is not null:
                cluster.Membership.Remove(one.Id);
                break;
            case ClusterAct.Leave when one is not null && !one.IsPaused:
                cluster.Leave(one);
                break;
            case ClusterAct.Join:
                JoinFree(cluster);
                break;
        }
    }

    // A name is free once its last run is not active in the store: another process may still run under it.
    private static void JoinFree(ConfirmingCluster cluster)
    {
        var names = Enumerable.Range(0, ConfirmingCluster.MaxNodes).Select(node => $"n{node}");
        var free = names.FirstOrDefault(name =>
            cluster.Nodes.All(node => node.Id.Name != name) && cluster.Store.Active.All(node => node.Name != name));
        if (free is not null)
            cluster.Join(free);
    }

    /// <summary>All faults end. The nodes that go on become confirmed, and those that a majority can vote against are evicted.</summary>
    private static void Settle(ConfirmingCluster cluster)
    {
        cluster.HealAll();
        cluster.Network.Conditions = NetworkConditions.Good;
        cluster.Network.Resume(LeaseStore.Address);
        foreach (var node in cluster.Nodes.Where(node => node.IsPaused).ToArray())
            cluster.Resume(node);
        cluster.Run(TimeSpan.FromSeconds(8));
        foreach (var node in cluster.Nodes)
        {
            if (!node.Answers)
                throw new BrokenPromiseException("StoreAway", $"{node.Id} is not confirmed although all faults have ended");
        }
        foreach (var dead in cluster.DeadButActive)
        {
            var lease = cluster.Store.Leases.Single(lease => lease.Node == dead);
            if (CanBeVotedOut(lease.Members) && CanBeVotedOut(lease.Acknowledged) && cluster.Nodes.Count > 0)
                throw new BrokenPromiseException("NoFalseOffline", $"{dead} is dead and was not evicted");
        }

        bool CanBeVotedOut(IReadOnlyList<NodeId> members) =>
            members.Count == 0
            || members.Count(member => cluster.Nodes.Any(node => node.Id == member)) > members.Count - 1 - (members.Count / 2);
    }
}
