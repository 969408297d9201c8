using System.Diagnostics;
using System.Globalization;
using GrpcPresence.Bench.FanOut;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>
/// P3 and P4: one change to a thousand watchers, in bursts and paced, beside etcd's watches and the pub/sub of Redis and NATS;
/// and the same on PostgreSQL.
/// </summary>
internal static class FanOutScenario
{
    private const int Connections = 10;
    private const int Burst = 1000;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(4);

    /// <summary>Measures and reports the rows.</summary>
    public static void Run(BenchRun run)
    {
        var watchersEach = run.Scale(100, 10);
        using var loop = new EventLoop();
        using var databases = PostgresDatabases.TryStart();
        using var presence = new PresenceFanOut(
            "GrpcPresence", PresenceServer.StartWithService(run.Workspace, loop), loop, Burst, Connections, watchersEach);
        using var onPostgres = databases is null
            ? null
            : new PresenceFanOut(
                "GrpcPresence on PostgreSQL", PresenceServer.StartWithServiceOnPostgres(run.Workspace, loop, databases), loop, Burst,
                Connections, watchersEach);
        Deliver(loop, presence, watchersEach * Connections, () => presence.Publish(Burst));
        Deliver(loop, presence, watchersEach * Connections, () => presence.Publish(Burst));
        var payload = (int)(presence.DeliveredBytes / presence.Delivered);
        run.Say(string.Create(CultureInfo.InvariantCulture, $"an update takes {payload} bytes; the payloads of the peers are as large"));
        using var etcd = EtcdFanOut.TryStart(run.Workspace, loop, Burst, payload, Connections, watchersEach);
        using var redis = RedisFanOut.TryStart(run.Workspace, loop, payload, Connections * watchersEach);
        using var nats = NatsFanOut.TryStart(loop, payload, Connections * watchersEach, watchersEach: 1);
        using var sharedNats = NatsFanOut.TryStart(loop, payload, Connections, watchersEach);

        var bursts = Measure(
            run,
            [presence, etcd, redis, onPostgres],
            "bursts",
            (server, window) => TakeBursts(loop, server, watchersEach * Connections, window));
        Compare(
            run, "P3", "watch fan-out in bursts of 1000 users, 1 → 1000 watchers on 10 connections: updates delivered/s, beside etcd",
            "≥ 8 ×", 8, presence, etcd, "etcd", bursts, rate: true);
        Compare(
            run, "P3", "the same, beside Redis pub/sub (1000 connections) with equal payload bytes",
            "≥ 0.8 ×", 0.8, presence, redis, "Redis", bursts, rate: true);
        Compare(
            run, "P3", "the same, with the server on PostgreSQL (core of the load, default settings), beside SQLite",
            "≥ 0.9 ×", 0.9, onPostgres, presence, "SQLite", bursts, rate: true);

        var paced = Measure(
            run,
            [presence, redis, nats, sharedNats],
            "paced",
            (server, window) => TakePaced(loop, server, watchersEach * Connections, window));
        Compare(
            run, "P4", "the same, one change every 4 ms: CPU for a delivery, beside Redis",
            "≤ 1 ×", 1, presence, redis, "Redis", paced, rate: false);
        Compare(
            run, "P4", "the same, beside NATS with a connection for each subscriber, as Redis needs it",
            "≤ 1 ×", 1, presence, nats, "NATS", paced, rate: false);
        Compare(
            run, "P4", "the same, beside NATS with 100 subscriptions on each of 10 connections",
            "≤ 1 ×", 1, presence, sharedNats, "NATS", paced, rate: false);
    }

    private static Dictionary<IFanOut, List<Sample>> Measure(
        BenchRun run, IEnumerable<IFanOut?> servers, string how, Func<IFanOut, TimeSpan, Sample> take)
    {
        var samples = servers.OfType<IFanOut>().ToDictionary(server => server, _ => new List<Sample>());
        foreach (var server in samples.Keys)
        {
            run.Say($"{how}: warming up {server.Name}");
            take(server, run.WarmUp);
        }
        for (var repetition = 0; repetition < run.Repetitions; repetition++)
        {
            foreach (var (server, taken) in samples)
                taken.Add(take(server, run.Window));
        }
        foreach (var (server, taken) in samples)
            run.Say($"{how}, {server.Name}: {SampleSeries.Describe(taken)}");
        return samples;
    }

    private static void Compare(
        BenchRun run, string id, string what, string target, double bound, IFanOut? subject, IFanOut? peer, string name,
        Dictionary<IFanOut, List<Sample>> samples, bool rate)
    {
        if (subject is null || peer is null)
        {
            run.Missing(id, what, target, subject is null ? PostgresDatabases.Name : name);
            return;
        }
        var (mine, theirs) = (samples[subject], samples[peer]);
        double Figure(Sample sample) => rate ? sample.Rate : sample.CpuMicroseconds;
        var ratio = Spread.OfRatios([.. mine.Select(Figure)], [.. theirs.Select(Figure)]);
        run.Report(new Row(
            id, what, target, $"{ratio} ×", rate ? ratio.Median >= bound : ratio.Median <= bound,
            $"{SampleSeries.Busy(mine)}; {name} {SampleSeries.Busy(theirs)}",
            new Dictionary<string, Spread>
            {
                ["ratio"] = ratio,
                ["deliveries_per_s"] = Spread.Of(mine.Select(sample => sample.Rate)),
                ["cpu_us"] = Spread.Of(mine.Select(sample => sample.CpuMicroseconds)),
                ["peer_deliveries_per_s"] = Spread.Of(theirs.Select(sample => sample.Rate)),
                ["peer_cpu_us"] = Spread.Of(theirs.Select(sample => sample.CpuMicroseconds)),
            }));
    }

    private static Sample TakeBursts(EventLoop loop, IFanOut server, int watchers, TimeSpan window) =>
        Sample.Take(server.Server, () => server.Delivered, () =>
        {
            var began = Stopwatch.GetTimestamp();
            do
                Deliver(loop, server, watchers, () => server.Publish(Burst), Burst);
            while (Stopwatch.GetElapsedTime(began) < window);
        });

    private static Sample TakePaced(EventLoop loop, IFanOut server, int watchers, TimeSpan window) =>
        Sample.Take(server.Server, () => server.Delivered, () =>
        {
            var changes = (int)(window / Pace);
            Deliver(loop, server, watchers, () => loop.RunPaced(changes, Pace, _ => server.Publish(1)), changes);
        });

    // Fails unless every change reaches every watcher.
    private static void Deliver(EventLoop loop, IFanOut server, int watchers, Action publish, int changes = Burst)
    {
        var all = server.Delivered + ((long)changes * watchers);
        publish();
        loop.RunUntil(() => server.Delivered >= all, Limit, $"{server.Name} has delivered {changes} changes to {watchers} watchers");
    }
}
