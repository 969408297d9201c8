using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using GrpcPresence.Core.Tests.Fixture;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>
/// Random histories of several nodes that write to one service instance. The commits of each node reach the others in any order, late,
/// twice or never, while reads of the store hang and fail.
/// </summary>
public sealed class ManyWritersHistoryTests
{
    [Property(MaxTest = 300, QuietOnSuccess = true, Arbitrary = [typeof(Histories)])]
    public async Task Every_promise_holds_at_every_node(NodeStep[] steps)
    {
        using var cluster = await SimulatedCluster.StartAsync(nodes: 2 + (steps.Length % 3));
        foreach (var step in steps)
            await cluster.DoAsync(step);
        await cluster.SettleAsync();
    }

    private static class Histories
    {
        private const int Length = 60;

        public static Arbitrary<NodeStep[]> All() => History.Of(Gen.ArrayOf(
            from act in Gen.Frequency(
                (8, Gen.Elements(NodeAct.Beat, NodeAct.Rename, NodeAct.Read, NodeAct.Deliver)),
                (4, Gen.Elements(NodeAct.Create, NodeAct.End, NodeAct.Open, NodeAct.Wait, NodeAct.Poll, NodeAct.Lose, NodeAct.Repeat)),
                (2, Gen.Elements(
                    NodeAct.Delete, NodeAct.Switch, NodeAct.Resume, NodeAct.Tick, NodeAct.Stall, NodeAct.Release, NodeAct.FailReads,
                    NodeAct.Confirm, NodeAct.Sweep)))
            from node in Gen.Choose(0, 11)
            from a in Gen.Choose(0, 999)
            from b in Gen.Choose(0, 999)
            select new NodeStep(act, node, a, b),
            Length));
    }
}
