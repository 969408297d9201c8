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

    private static async Task Require(int seed, bool resumesEverywhere)
    {
        var history = Step.History(seed, Length);
        if (await FailureOf(history, resumesEverywhere) is not { } failure)
            return;
        var shortest = await Shrink(history, resumesEverywhere);
        failure = await FailureOf(shortest, resumesEverywhere) ?? failure;
        Assert.Fail($"Seed {seed}: {failure}{Environment.NewLine}{string.Join(Environment.NewLine, shortest)}");
    }

    private static async Task<Exception?> FailureOf(IReadOnlyList<Step> history, bool resumesEverywhere) =>
        await Record.ExceptionAsync(() => SimulatedProcess.RunAsync(history, resumesEverywhere));

    /// <summary>Shrinks a failing history: leaves out halves, quarters, down to single steps, as long as it still fails.</summary>
    private static async Task<IReadOnlyList<Step>> Shrink(IReadOnlyList<Step> history, bool resumesEverywhere)
    {
        for (var size = history.Count / 2; size > 0; size /= 2)
        {
            for (var at = 0; at < history.Count;)
            {
                IReadOnlyList<Step> shorter = [.. history.Take(at), .. history.Skip(at + size)];
                if (await FailureOf(shorter, resumesEverywhere) is BrokenPromiseException)
                    history = shorter;
                else
                    at += size;
            }
        }
        return history;
    }
}
