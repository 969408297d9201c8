using System.Diagnostics;
using System.Globalization;
using GrpcPresence.Bench.Attacks;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>
/// R9: the latency of a tenant's heartbeats while somebody attacks the server, and the memory that the server keeps afterwards. A
/// heartbeat alone on an idle core takes so little that any other work is many times as much. So each row also shows what another tenant
/// may do to the victim at any time, by sending heartbeats within its quotas. Attacker and victim share the load's core, so the figures
/// include what an attack costs the load.
/// </summary>
internal static class AttackScenario
{
    private const int AttackerUsers = 100_000;
    private const int Mebibyte = 1024 * 1024;

    /// <summary>What a server may keep after an attack, beside noise of the collector.</summary>
    private const long KeptBytes = 64 * Mebibyte;

    /// <summary>
    /// The 99th percentile within which heartbeats are to be answered, in milliseconds. P21 asks the same of a full server.
    /// </summary>
    private const double Answered = 10;

    private static readonly TimeSpan Recovery = TimeSpan.FromMinutes(1);

    /// <summary>Measures and reports the rows.</summary>
    public static void Run(BenchRun run)
    {
        using var loop = new EventLoop();
        using var server = new AttackedServer(run.Workspace, loop, run.Scale(AttackerUsers, 1_000));
        if (!run.IsQuick)
        {
            run.Say("warming up");
            server.Victim.Take(2 * run.WarmUp);
        }
        var plans = new AttackPlans(server);
        var allowed = plans.Allowed();
        foreach (var plan in plans.All())
            Report(run, plan, Measure(run, loop, server, allowed, plan));
    }

    private static Result Measure(BenchRun run, EventLoop loop, AttackedServer server, AttackPlan allowed, AttackPlan plan)
    {
        var neighbour = new Attack(allowed, loop, server.Port);
        var attack = new Attack(plan, loop, server.Port);
        var (before, peak, lines) = (server.Process.Usage.ResidentBytes, 0L, server.Process.LineCount);
        var (alone, beside) = (new List<(double P50, double P99)>(), new List<(double P50, double P99)>());
        var besideAllowed = new List<(double P50, double P99)>();
        var samples = new List<Sample>();
        for (var repetition = 0; repetition < run.Repetitions; repetition++)
        {
            alone.Add(server.Victim.Take(run.Window));
            neighbour.Start();
            server.Victim.Take(run.Window / 3, neighbour.Act);
            besideAllowed.Add(server.Victim.Take(run.Window, neighbour.Act));
            neighbour.Stop();
            server.Victim.Take(run.Window / 3);
            attack.Start();
            server.Victim.Take(run.Window / 3, attack.Act);
            samples.Add(Sample.Take(
                server.Process, () => attack.Sent, () => beside.Add(server.Victim.Take(run.Window, attack.Act))));
            peak = Math.Max(peak, server.Process.Usage.ResidentBytes);
            attack.Stop();
            server.Victim.Take(run.Window / 3);
        }
        var began = Stopwatch.GetTimestamp();
        var kept = server.Process.Usage.ResidentBytes - before;
        while (!run.IsQuick && kept > KeptBytes && Stopwatch.GetElapsedTime(began) < Recovery)
        {
            server.Victim.Take(run.Window / 3);
            kept = server.Process.Usage.ResidentBytes - before;
        }
        return new Result(
            alone, besideAllowed, beside, peak - before, kept, Stopwatch.GetElapsedTime(began), samples, attack,
            server.Process.LineCount - lines);
    }

    private static void Report(BenchRun run, AttackPlan plan, Result result)
    {
        var (p99, allowed, alone) = (P99(result.Beside), P99(result.BesideAllowed), P99(result.Alone));
        var ratio = Ratio(result.BesideAllowed);
        var aloneRatio = Ratio(result.Alone);
        run.Report(new Row(
            "R9", plan.Name, "p99 ≤ 10 ms, ≤ 64 MiB kept after a minute",
            string.Create(
                CultureInfo.InvariantCulture,
                $"{p99} ms ({allowed.Median:0.00} ms beside allowed calls, {ratio.Median:G3} ×; {alone.Median:0.00} ms alone, "
                    + $"{aloneRatio.Median:G3} ×); {result.PeakBytes / Mebibyte} MiB at the peak, "
                    + $"{result.KeptBytes / Mebibyte} MiB kept after {result.Recovery.TotalSeconds:0} s"),
            p99.Median <= Answered && result.KeptBytes <= KeptBytes,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{Median(sample => sample.Rate):#,0} requests/s, {result.Attack.Answered:#,0} of {result.Attack.Sent:#,0} answered, "
                    + $"{result.Attack.Closed} connections closed, {result.Lines} log lines; "
                    + $"server {100 * Median(sample => sample.ServerBusy):0} % busy"),
            new Dictionary<string, Spread>
            {
                ["ratio"] = ratio,
                ["alone_ratio"] = aloneRatio,
                ["alone_p99_ms"] = alone,
                ["beside_allowed_p99_ms"] = allowed,
                ["beside_p50_ms"] = Spread.Of(result.Beside.Select(one => one.P50)),
                ["beside_p99_ms"] = p99,
                ["peak_mib"] = Spread.Of([(double)result.PeakBytes / Mebibyte]),
                ["kept_mib"] = Spread.Of([(double)result.KeptBytes / Mebibyte]),
                ["log_lines"] = Spread.Of([result.Lines]),
            }));

        Spread P99(IReadOnlyList<(double P50, double P99)> repetitions) => Spread.Of(repetitions.Select(one => one.P99));

        Spread Ratio(IReadOnlyList<(double P50, double P99)> @base) =>
            Spread.OfRatios([.. result.Beside.Select(one => one.P99)], [.. @base.Select(one => one.P99)]);

        double Median(Func<Sample, double> figure) => Spread.Of(result.Samples.Select(figure)).Median;
    }

    private sealed record Result(
        IReadOnlyList<(double P50, double P99)> Alone,
        IReadOnlyList<(double P50, double P99)> BesideAllowed,
        IReadOnlyList<(double P50, double P99)> Beside,
        long PeakBytes,
        long KeptBytes,
        TimeSpan Recovery,
        IReadOnlyList<Sample> Samples,
        Attack Attack,
        int Lines);
}
