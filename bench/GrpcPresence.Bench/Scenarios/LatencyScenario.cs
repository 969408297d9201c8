using System.Globalization;
using GrpcPresence.Bench.FanOut;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>
/// P5: from the first heartbeat of a session to each of 100 watchers, compared with etcd from a put to as many watchers. Both commit in
/// between.
/// </summary>
internal static class LatencyScenario
{
    private const int Connections = 10;
    private const int WatchersEach = 10;
    private const int ValueBytes = 64;
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    /// <summary>Measures and reports the rows.</summary>
    public static void Run(BenchRun run)
    {
        var changes = run.Scale(5_000, 200);
        using var loop = new EventLoop();
        var (clock, etcdClock) = (new DeliveryClock(changes), new DeliveryClock(changes));
        using var presence = new PresenceFanOut(
            "GrpcPresence", PresenceServer.StartWithService(run.Workspace, loop), loop, changes, Connections, WatchersEach, clock);
        using var etcd = EtcdFanOut.TryStart(run.Workspace, loop, changes, ValueBytes, Connections, WatchersEach, etcdClock);

        var (mine, theirs) = (new List<(double P50, double P99)>(), new List<(double P50, double P99)>());
        for (var repetition = -1; repetition < run.Repetitions; repetition++)
        {
            run.Say(repetition < 0 ? "warming up" : $"run {repetition + 1} of {run.Repetitions}");
            Take(loop, presence, changes, presence.PublishByHeartbeat);
            var taken = clock.Take();
            // All users go offline again, unmeasured.
            Deliver(loop, presence, changes, () => presence.Publish(changes));
            clock.Take();
            if (repetition >= 0)
                mine.Add(taken);
            if (etcd is null)
                continue;
            Take(loop, etcd, changes, () => etcd.Publish(1));
            taken = etcdClock.Take();
            if (repetition >= 0)
                theirs.Add(taken);
        }
        var evidence = string.Create(CultureInfo.InvariantCulture, $"sends were at most {loop.MaxLateness.TotalMilliseconds:0.0} ms late");
        Report(run, "p50", [.. mine.Select(sample => sample.P50)], [.. theirs.Select(sample => sample.P50)], evidence);
        Report(run, "p99", [.. mine.Select(sample => sample.P99)], [.. theirs.Select(sample => sample.P99)], evidence);
    }

    private static void Take(EventLoop loop, IFanOut server, int changes, Action publish) =>
        Deliver(loop, server, changes, () => loop.RunPaced(changes, Pace, _ => publish()));

    private static void Deliver(EventLoop loop, IFanOut server, int changes, Action publish)
    {
        var all = server.Delivered + (changes * Connections * WatchersEach);
        publish();
        loop.RunUntil(() => server.Delivered >= all, Limit, $"{server.Name} has delivered {changes} changes");
    }

    private static void Report(BenchRun run, string which, double[] mine, double[] theirs, string evidence)
    {
        const string Target = "≤ 1.1 ×";
        var what = $"first heartbeat → watcher, 1000 transitions/s, 100 watchers: {which}, beside etcd's put → watch";
        run.Say($"{which}: {Spread.Of(mine)} ms");
        if (theirs.Length == 0)
        {
            run.Missing("P5", what, Target, "etcd");
            return;
        }
        var ratio = Spread.OfRatios(mine, theirs);
        run.Report(new Row(
            "P5", what, Target, $"{ratio} × ({Spread.Of(mine).Median:0.00} ms)", ratio.Median <= 1.1, evidence,
            new Dictionary<string, Spread>
            {
                ["ratio"] = ratio,
                [$"{which}_ms"] = Spread.Of(mine),
                [$"etcd_{which}_ms"] = Spread.Of(theirs),
            }));
    }
}
