using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Cluster.Simulation;

/// <summary>
/// Random histories through several nodes. A failure prints the seed and the shortest history that still breaks the promise. A history
/// takes about 0.2 s, so few run by default. To run more: <c>PRESENCE_CLUSTER_HISTORIES=10000 dotnet test --project
/// tests/GrpcPresence.Core.Tests</c>.
/// </summary>
public sealed class ClusterSimulationTests
{
    private const int Length = 60;
    private const int Parts = 4;

    private static int Histories =>
        int.TryParse(Environment.GetEnvironmentVariable("PRESENCE_CLUSTER_HISTORIES"), out var histories) ? histories : 120;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Every_promise_of_a_cluster_holds_in_random_histories(int part)
    {
        for (var seed = part; seed < Histories; seed += Parts)
            await Require(seed);
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
