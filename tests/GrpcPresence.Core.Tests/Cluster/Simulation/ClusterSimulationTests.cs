using GrpcPresence.Testing.Cluster;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Cluster.Simulation;

/// <summary>
/// Random histories through several nodes. A failure prints the seed and the shortest history that still breaks the promise. A debug build
/// takes four times as long as a release build, so few run by default. CI runs 10,000: <c>bash .ci/cluster-histories.sh</c>.
/// </summary>
public sealed class ClusterSimulationTests
{
    private const int Length = 60;

    private static int Histories =>
        int.TryParse(Environment.GetEnvironmentVariable("PRESENCE_CLUSTER_HISTORIES"), out var histories) ? histories : 120;

    // Each history runs on one thread from its beginning to its end.
    private static ParallelOptions OnAllCores => new() { MaxDegreeOfParallelism = Environment.ProcessorCount };

    [Fact]
    public Task Every_promise_of_a_cluster_holds_in_random_histories() =>
        Parallel.ForEachAsync(Enumerable.Range(0, Histories), OnAllCores, async (seed, _) => await Require(seed));

    /// <summary>Otherwise nobody could find out why a history fails.</summary>
    [Fact]
    public Task A_seed_gives_the_same_history_each_time() =>
        Parallel.ForEachAsync(Enumerable.Range(0, Math.Clamp(Histories / 20, 30, 100)), OnAllCores, async (seed, _) =>
        {
            var history = ClusterStep.History(seed, Length);
            var first = await SimulatedCluster.RunAsync(seed, history, traces: true);
            var second = await SimulatedCluster.RunAsync(seed, history, traces: true);
            Assert.Equal(first!.Lines, second!.Lines);
        });

    /// <summary>Breaks the store as each node sees it, and counts the histories until one fails.</summary>
    [Theory]
    [InlineData(StoreMutation.EvictionKeepsTheShards)]
    [InlineData(StoreMutation.JoinBesideAnEarlierRun)]
    [InlineData(StoreMutation.PurgeByEveryNode)]
    public async Task Histories_notice_a_mistake_of_the_store(StoreMutation mutation)
    {
        for (var seed = 0; seed < 150; seed++)
        {
            var failure = await Record.ExceptionAsync(
                () => Task.Run(() => SimulatedCluster.RunAsync(seed, ClusterStep.History(seed, Length), mutation: mutation)));
            if (failure is null)
                continue;
            TestContext.Current.TestOutputHelper?.WriteLine($"Seed {seed}: {failure.Message}");
            return;
        }
        Assert.Fail($"No history has noticed {mutation}.");
    }

    private static async Task Require(int seed)
    {
        var history = ClusterStep.History(seed, Length);
        if (await FailureOf(seed, history) is not { } failure)
            return;
        var shortest = await Shrink(seed, history);
        failure = await FailureOf(seed, shortest) ?? failure;
        Assert.Fail($"Seed {seed}: {failure}{Environment.NewLine}{string.Join(Environment.NewLine, shortest)}");
    }

    private static async Task<Exception?> FailureOf(int seed, IReadOnlyList<ClusterStep> history) =>
        await Record.ExceptionAsync(() => Task.Run(() => SimulatedCluster.RunAsync(seed, history)));

    /// <summary>Shrinks a failing history: leaves out halves, quarters, down to single steps, as long as it still fails.</summary>
    private static async Task<IReadOnlyList<ClusterStep>> Shrink(int seed, IReadOnlyList<ClusterStep> history)
    {
        for (var size = history.Count / 2; size > 0; size /= 2)
        {
            for (var at = 0; at < history.Count;)
            {
                IReadOnlyList<ClusterStep> shorter = [.. history.Take(at), .. history.Skip(at + size)];
                if (await FailureOf(seed, shorter) is BrokenPromiseException)
                    history = shorter;
                else
                    at += size;
            }
        }
        return history;
    }
}
