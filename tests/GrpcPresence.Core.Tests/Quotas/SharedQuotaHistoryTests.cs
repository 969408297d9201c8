using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Tests.Fixture;

namespace GrpcPresence.Core.Tests.Quotas;

/// <summary>
/// Tests random histories of two to seven nodes: their shares together stay within the limit and one for each node, and follow the demand.
/// The shares of nodes that are silent to the home owner for <see cref="Limits.QuotaAnswerWait"/> may come in addition.
/// </summary>
[Properties(MaxTest = 200, EndSize = 60, QuietOnSuccess = true, Arbitrary = [typeof(Histories)])]
public sealed class SharedQuotaHistoryTests
{
    private static readonly Quota[] Limited = [Quota.HeartbeatsPerSecond, Quota.WritesPerSecond, Quota.OpenStreams, Quota.WatchedUsers];

    [Property]
    public void SharedQuota_Shares_stay_within_the_limit_and_one_for_each_node(Cluster start, Act[] acts)
    {
        using var cluster = new QuotaCluster(start.Nodes, start.Seed) { IsLossy = true };
        cluster.Check = () => CheckSum(cluster);
        foreach (var act in acts)
            Do(cluster, act);
    }

    [Property]
    public void SharedQuota_A_node_with_all_the_demand_has_nearly_everything_within_two_seconds(Cluster start, Act[] acts)
    {
        using var cluster = new QuotaCluster(start.Nodes, start.Seed) { IsLossy = true };
        cluster.Check = () => CheckSum(cluster);
        foreach (var act in acts)
            Do(cluster, act);

        // The network works, dead nodes have left the view, and delayed messages have arrived.
        cluster.IsLossy = false;
        cluster.Heal();
        cluster.Pass(TimeSpan.FromSeconds(8));
        var only = cluster.Nodes[start.Seed % cluster.Nodes.Count];
        cluster.Pass(TimeSpan.FromSeconds(2), () => only.Beat(100));

        var share = only.Borrower.ShareOf(QuotaCluster.Subject).HeartbeatsPerSecond;
        Assert.True(share >= QuotaCluster.Whole.HeartbeatsPerSecond * 9 / 10, $"The share is {share}.");
    }

    private static void CheckSum(QuotaCluster cluster)
    {
        foreach (var quota in Limited)
        {
            Assert.All(cluster.Nodes, node => Assert.True(node.Uses(quota) >= 1));
            var shares = cluster.Nodes.FindAll(node => !cluster.Silent.ContainsKey(node.Id)).ConvertAll(node => node.Uses(quota));
            var limit = LimitOf(cluster, quota);
            Assert.True(shares.Sum() <= limit, $"SharedQuota: the shares of {quota} are {string.Join(" + ", shares)}, above {limit}.");
        }
        if (Limited.All(quota => cluster.Nodes.Sum(node => node.Uses(quota)) <= LimitOf(cluster, quota)))
            cluster.ForgetSilent();
    }

    private static int LimitOf(QuotaCluster cluster, Quota quota) => QuotaCluster.Whole.Of(quota) + cluster.Nodes.Count;

    private static void Do(QuotaCluster cluster, Act act)
    {
        var alive = cluster.Nodes.FindAll(node => node.IsAlive);
        var node = alive[act.Node % alive.Count];
        switch (act.Kind)
        {
            case ActKind.Pass:
                cluster.Pass(TimeSpan.FromMilliseconds(10 * (act.Amount + 1)));
                break;
            case ActKind.Load:
                cluster.Pass(TimeSpan.FromMilliseconds(1500), () => node.Beat(act.Amount / 10));
                break;
            case ActKind.Beat:
                node.Beat(act.Amount);
                break;
            case ActKind.Open:
                node.Open(act.Amount);
                break;
            case ActKind.Close:
                node.Close();
                break;
            case ActKind.Sweep:
                node.Limiter.Sweep();
                break;
            case ActKind.Rest:
                cluster.Skip(Limits.IdleQuotaShare);
                break;
            case ActKind.Move:
                cluster.Move(node, noticed: TimeSpan.FromMilliseconds(act.Amount % 3 == 0 ? 10 * act.Amount : 0));
                break;
            case ActKind.Cut:
                cluster.Cut(node, alive[act.Amount % alive.Count]);
                break;
            case ActKind.Heal:
                cluster.Heal();
                break;
            case ActKind.Kill when alive.Count > 1:
                cluster.Kill(node, detection: TimeSpan.FromMilliseconds(1000 + (10 * act.Amount)));
                break;
            case ActKind.Start when cluster.Nodes.Count < 7:
                cluster.Start($"s{act.Amount}");
                break;
        }
        cluster.Check();
    }

    public enum ActKind
    {
        Pass,
        Load,
        Beat,
        Open,
        Close,
        Sweep,
        Rest,
        Move,
        Kill,
        Start,
        Cut,
        Heal,
    }

    public readonly record struct Cluster(int Nodes, int Seed);

    public readonly record struct Act(ActKind Kind, int Node, int Amount);

    private static class Histories
    {
        public static Arbitrary<Cluster> Clusters() => (
            from nodes in Gen.Choose(2, 7)
            from seed in Gen.Choose(0, int.MaxValue - 1)
            select new Cluster(nodes, seed)).ToArbitrary();

        public static Arbitrary<Act[]> Acts() => History.Of(Gen.ArrayOf(
            from kind in Gen.Frequency(
                (6, Gen.Constant(ActKind.Pass)),
                (5, Gen.Constant(ActKind.Load)),
                (4, Gen.Constant(ActKind.Beat)),
                (4, Gen.Constant(ActKind.Open)),
                (2, Gen.Constant(ActKind.Close)),
                (2, Gen.Constant(ActKind.Sweep)),
                (1, Gen.Constant(ActKind.Rest)),
                (2, Gen.Constant(ActKind.Move)),
                (1, Gen.Constant(ActKind.Kill)),
                (1, Gen.Constant(ActKind.Start)),
                (2, Gen.Constant(ActKind.Cut)),
                (1, Gen.Constant(ActKind.Heal)))
            from node in Gen.Choose(0, 100)
            from amount in Gen.Choose(0, 300)
            select new Act(kind, node, amount)));
    }
}
