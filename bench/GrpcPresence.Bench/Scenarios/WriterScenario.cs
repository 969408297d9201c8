using System.Globalization;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>
/// P6: durable transitions through the writer and the SQLite port, compared with a bare loop that commits the same rows in the same
/// batches.
/// </summary>
internal static class WriterScenario
{
    private static readonly int[] Batches = [100, 1000];

    /// <summary>Measures, in a process on the servers' core.</summary>
    public static void Run(BenchRun run)
    {
        foreach (var batch in Batches)
        {
            var users = run.Scale(100_000, 4_000);
            var rounds = run.Repetitions + 1; // the first one warms up
            run.Say($"{users} users, {batch} transitions a commit, {rounds} rounds");
            using var process = ServerProcess.StartSelf(
                "measure-writer", run.Workspace.NewPath("writer"), $"{users}", $"{batch}", $"{rounds}");
            var (mine, bare) = (new List<double>(), new List<double>());
            for (var round = 0; round < rounds; round++)
            {
                // `round RATE BARE-RATE`, in transitions a second.
                var line = process.WaitForLine("round ").Split(' ');
                if (round == 0)
                    continue;
                mine.Add(double.Parse(line[1], CultureInfo.InvariantCulture));
                bare.Add(double.Parse(line[2], CultureInfo.InvariantCulture));
            }
            var ratio = Spread.OfRatios(mine, bare);
            run.Say(string.Create(
                CultureInfo.InvariantCulture, $"{Spread.Of(mine).Median:#,0}/s, bare loop {Spread.Of(bare).Median:#,0}/s"));
            run.Report(new Row(
                "P6", $"durable transitions/s, {batch} a commit, beside a bare loop of the same rows and commits", "≥ 0.9 ×", $"{ratio} ×",
                ratio.Median >= 0.9,
                "one thread does both in turn; no load", new Dictionary<string, Spread>
                {
                    ["ratio"] = ratio,
                    ["transitions_per_s"] = Spread.Of(mine),
                    ["bare_per_s"] = Spread.Of(bare),
                }));
        }
    }
}
