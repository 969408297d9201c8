using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>
/// Random histories through the real Core. A failure prints the seed and the shortest history that still breaks the promise. To run more:
/// <c>PRESENCE_HISTORIES=100000 dotnet test --project tests/GrpcPresence.Core.Tests</c>.
/// </summary>
public sealed class SimulationTests
{
    private const int Length = 80;
    private const int Parts = 4;

    private static int Histories =>
        int.TryParse(Environment.GetEnvironmentVariable("PRESENCE_HISTORIES"), out var histories) ? histories : 10_000;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Every_promise_holds_in_random_histories(int part)
    {
        for (var seed = part; seed < Histories; seed += Parts)
            await Require(seed, resumesEverywhere: false);
    }

    [Fact]
    public async Task Resumable_from_every_token_of_a_random_history()
    {
        // Separate seeds; about two hundred resumptions follow each history.
        for (var seed = 1; seed <= Histories / 40; seed++)
            await Require(-seed, resumesEverywhere: true);
    }

    /// <summary>
    /// Reachability is switched on and off again in batches that the feed loses, and a watch reads a page between the two. It has seen
    /// neither switch, and must still correct what the page said.
    /// </summary>
    [Fact]
    public async Task Convergent_a_watch_that_read_a_page_between_two_switches_that_the_feed_lost()
    {
        Step[] history =
        [
            new(Act.Open, 229, 426), new(Act.Open, 279, 940), new(Act.Switch, 959, 966), new(Act.Read, 489, 895),
            new(Act.Stall, 481, 956), new(Act.Resume, 601, 666), new(Act.Write, 860, 48), new(Act.Read, 859, 469),
            new(Act.Release, 268, 567), new(Act.Read, 517, 963), new(Act.Lose, 788, 285), new(Act.Release, 631, 880),
            new(Act.Open, 5, 838), new(Act.Open, 745, 74), new(Act.Open, 4, 756), new(Act.Switch, 275, 673), new(Act.Beat, 820, 70),
            new(Act.Read, 276, 81), new(Act.Write, 0, 181), new(Act.Open, 450, 185), new(Act.Read, 433, 736),
            new(Act.Switch, 618, 954),
        ];
        await SimulatedProcess.RunAsync(history);
    }

    private static async Task Require(int seed, bool resumesEverywhere)
    {
        var sizes = (SimulatedSizes)Math.Abs(seed / (2 * Parts) % 3);
        IReadOnlyList<Step> history = [.. Step.History(seed, Length).Where(step => sizes != SimulatedSizes.SmallPages || !step.MakesGap)];
        var isNode = seed / Parts % 2 != 0; // half of the histories, in each part
        async Task<Exception?> FailureOf(IReadOnlyList<Step> history) =>
            await Record.ExceptionAsync(() => SimulatedProcess.RunAsync(history, resumesEverywhere, isNode, sizes));
        if (await FailureOf(history) is not { } failure)
            return;
        var shortest = await Shrink(history, FailureOf);
        failure = await FailureOf(shortest) ?? failure;
        var process = isNode ? "a node" : "a single node";
        Assert.Fail($"Seed {seed}, {process}, {sizes}: {failure}{Environment.NewLine}{string.Join(Environment.NewLine, shortest)}");
    }

    /// <summary>Shrinks a failing history: leaves out halves, quarters, down to single steps, as long as it still fails.</summary>
    private static async Task<IReadOnlyList<Step>> Shrink(
        IReadOnlyList<Step> history, Func<IReadOnlyList<Step>, Task<Exception?>> failureOf)
    {
        for (var size = history.Count / 2; size > 0; size /= 2)
        {
            for (var at = 0; at < history.Count;)
            {
                IReadOnlyList<Step> shorter = [.. history.Take(at), .. history.Skip(at + size)];
                if (await failureOf(shorter) is BrokenPromiseException)
                    history = shorter;
                else
                    at += size;
            }
        }
        return history;
    }
}
