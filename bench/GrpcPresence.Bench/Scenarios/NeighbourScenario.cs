using System.Globalization;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Report;
using GrpcPresence.Core.Quotas;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>
/// P14: the latency of a tenant's heartbeats while another tenant sends as much as it can, with quotas and with quotas out of reach.
/// </summary>
internal static class NeighbourScenario
{
    // The noisy tenant's quotas cost one or two tenths of the server's core. Whether a tenant may use more of it is not a question of
    // quotas.
    private const int HeartbeatsPerSecond = 5_000;
    private const int NewStreamsPerSecond = 100;

    /// <summary>Measures and reports the rows.</summary>
    public static void Run(BenchRun run)
    {
        using var loop = new EventLoop();
        using var free = new Neighbours(run.Workspace, loop);
        using var limited = new Neighbours(
            run.Workspace, loop,
            QuotaArguments.OfServiceInstance(nameof(QuotaLimits.HeartbeatsPerSecond), run.Scale(HeartbeatsPerSecond, NoisyTenant.Users)),
            QuotaArguments.OfServiceInstance(nameof(QuotaLimits.NewStreamsPerSecond), NewStreamsPerSecond));
        Neighbours[] both = [free, limited];
        if (!run.IsQuick)
        {
            run.Say("warming up");
            foreach (var neighbours in both)
                neighbours.WarmUp(run.WarmUp);
        }
        loop.MaxLateness = TimeSpan.Zero;
        for (var repetition = 0; repetition < run.Repetitions; repetition++)
        {
            run.Say($"run {repetition + 1} of {run.Repetitions}");
            foreach (var neighbours in both)
                neighbours.Take(before: run.WarmUp / 2, run.Window);
        }
        Report(run, loop, free, limited);
    }

    private static void Report(BenchRun run, EventLoop loop, Neighbours free, Neighbours limited)
    {
        var evidence = string.Create(
            CultureInfo.InvariantCulture,
            $"the noisy tenant: {limited.Noise} (without it {100 * limited.AloneBusy.Median:0} %); with its quotas out of reach: "
                + $"{free.Noise}; sends were at most {loop.MaxLateness.TotalMilliseconds:0.0} ms late");
        run.Report(new Row(
            "P14", "p99 of a tenant's `Heartbeat` at 1,000/s while another tenant floods the server, beside alone", "≤ 1.2 ×",
            string.Create(
                CultureInfo.InvariantCulture,
                $"{limited.Ratio} × ({limited.BesideP99.Median:0.00} ms; "
                    + $"with the other's quotas out of reach {free.Ratio} ×, {free.BesideP99.Median:0.00} ms)"),
            limited.Ratio.Median <= 1.2, evidence,
            new Dictionary<string, Spread>
            {
                ["ratio"] = limited.Ratio,
                ["alone_p50_ms"] = limited.AloneP50,
                ["alone_p99_ms"] = limited.AloneP99,
                ["beside_p50_ms"] = limited.BesideP50,
                ["beside_p99_ms"] = limited.BesideP99,
                ["out_of_reach_ratio"] = free.Ratio,
                ["out_of_reach_beside_p99_ms"] = free.BesideP99,
            }));
    }
}
