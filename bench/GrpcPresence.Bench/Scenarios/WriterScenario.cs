using System.Globalization;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>
/// P6 and P18: durable transitions through the writer, on SQLite and on PostgreSQL, compared with a bare loop that commits the same rows in
/// the same batches to SQLite.
/// </summary>
internal static class WriterScenario
{
    private static readonly int[] Batches = [100, 1000];

    /// <summary>Measures, in a process on the servers' core.</summary>
    public static void Run(BenchRun run)
    {
        using var databases = PostgresDatabases.TryStart();
        foreach (var batch in Batches)
        {
            var users = run.Scale(100_000, 4_000);
            // In a cycle every user comes online and goes offline. The two cost differently: only the end of a session is stored as a row.
            var cycles = run.Scale(3, 1);
            var rounds = 2 * (cycles + 1); // the first cycle warms up
            run.Say($"{users} users, {batch} transitions a commit, {cycles} cycles");
            string[] postgres = databases is null ? [] : [databases.Create()];
            using var process = ServerProcess.StartSelf(
                ["measure-writer", run.Workspace.NewPath("writer"), $"{users}", $"{batch}", $"{rounds}", .. postgres]);
            var (onSqlite, bare, onPostgres) = (new List<double>(), new List<double>(), new List<double>());
            for (var cycle = 0; cycle <= cycles; cycle++)
            {
                var (online, offline) = (NextRound(process), NextRound(process));
                if (cycle == 0)
                    continue;
                onSqlite.Add(RateOf(online[0], offline[0]));
                bare.Add(RateOf(online[1], offline[1]));
                if (databases is not null)
                    onPostgres.Add(RateOf(online[2], offline[2]));
            }
            Report(
                run, "P6", $"durable transitions/s, {batch} a commit, beside a bare loop of the same rows and commits", 0.9, onSqlite, bare,
                "one thread does both in turn; no load");
            var what = $"durable transitions/s on PostgreSQL, {batch} a commit, beside the bare loop on SQLite";
            double? bound = batch == 1000 ? 1 : null;
            if (databases is null)
                run.Missing("P18", what, Target(bound), PostgresDatabases.Name);
            else
                Report(run, "P18", what, bound, onPostgres, bare, $"{databases.Settings}, on the core of the load; no load");
        }
    }

    // `round RATE BARE-RATE [POSTGRESQL-RATE]`, in transitions a second.
    private static double[] NextRound(ServerProcess process) =>
    [
        .. process.WaitForLine("round ").Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1)
            .Select(rate => double.Parse(rate, CultureInfo.InvariantCulture)),
    ];

    /// <summary>Returns the rate of two rounds of as many transitions together.</summary>
    private static double RateOf(double online, double offline) => 2 / ((1 / online) + (1 / offline));

    private static void Report(
        BenchRun run, string id, string what, double? bound, List<double> rates, List<double> bare, string evidence)
    {
        var ratio = Spread.OfRatios(rates, bare);
        run.Say(string.Create(CultureInfo.InvariantCulture, $"{Spread.Of(rates).Median:#,0}/s, bare loop {Spread.Of(bare).Median:#,0}/s"));
        run.Report(new Row(
            id, what, Target(bound), $"{ratio} ×", bound is null ? null : ratio.Median >= bound, evidence, new Dictionary<string, Spread>
            {
                ["ratio"] = ratio,
                ["transitions_per_s"] = Spread.Of(rates),
                ["bare_per_s"] = Spread.Of(bare),
            }));
    }

    private static string Target(double? bound) =>
        bound is null ? "—" : string.Create(CultureInfo.InvariantCulture, $"≥ {bound} ×");
}
