using Google.Protobuf;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>P12, the watch half: the cost of a change depends on its own watchers, not on the number of watchers of other users.</summary>
internal static class PublishCostScenario
{
    private const int Changed = 100;
    private const int StreamsPerConnection = 100;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    /// <summary>Measures and reports the rows.</summary>
    public static void Run(BenchRun run)
    {
        var bystanders = run.Scale(10_000, 200);
        run.Say("one watcher of the users that change, and 10 of others");
        var few = Measure(run, watchers: 1, bystanders: 10);
        run.Say($"one watcher, and {bystanders} of others");
        var many = Measure(run, watchers: 1, bystanders);
        var ratio = Spread.OfRatios([.. many.Select(PerChange)], [.. few.Select(PerChange)]);
        run.Report(new Row(
            "P12", "CPU for a change, with 10,000 watchers of other users beside 10", "flat (≤ 1.1 ×)", $"{ratio} ×", ratio.Median <= 1.1,
            SampleSeries.Busy(many),
            new Dictionary<string, Spread>
            {
                ["ratio"] = ratio,
                ["few_cpu_us"] = Spread.Of(few.Select(PerChange)),
                ["many_cpu_us"] = Spread.Of(many.Select(PerChange)),
            }));

        run.Say("100 and 1000 watchers of the users that change");
        var hundred = Measure(run, watchers: 100, bystanders: 10);
        var thousand = Measure(run, watchers: run.Scale(1000, 200), bystanders: 10);
        // The cost of each later watcher, compared with the cost of each of the first hundred.
        var first = few.Zip(hundred, (one, all) => (PerChange(all) - PerChange(one)) / 99).ToList();
        var later = hundred.Zip(thousand, (some, all) => (PerChange(all) - PerChange(some)) / (run.Scale(1000, 200) - 100)).ToList();
        var linear = Spread.OfRatios(later, first);
        run.Report(new Row(
            "P12", "CPU that each watcher of a changed user adds, the 101st to the 1000th beside the first 100", "linear (≤ 1.1 ×)",
            $"{linear} ×", linear.Median <= 1.1,
            SampleSeries.Busy(thousand), new Dictionary<string, Spread> { ["ratio"] = linear, ["watcher_cpu_us"] = Spread.Of(first) }));
    }

    private static double PerChange(Sample sample) => sample.CpuMicroseconds;

    private static List<Sample> Measure(BenchRun run, int watchers, int bystanders)
    {
        using var loop = new EventLoop();
        using var server = PresenceServer.StartWithService(run.Workspace, loop);
        var publishing = new Http2Connection(loop, server.Port);
        Turn(loop, publishing, 0);
        Turn(loop, publishing, 1);
        var counter = new WatchCounter();
        Open(loop, server.Port, watchers, counter, _ => Enumerable.Range(0, Changed).Select(Population.IdentityOf));
        Open(loop, server.Port, bystanders, new WatchCounter(), watch => [Population.IdentityOf(Changed + watch)]);

        var samples = new List<Sample>();
        var (changes, round) = (0L, 2);
        for (var repetition = -1; repetition < run.Repetitions; repetition++)
        {
            var length = repetition < 0 ? run.WarmUp : run.Window;
            var sample = Sample.Take(server.Process, () => changes, () =>
            {
                var end = DateTime.UtcNow + length;
                while (DateTime.UtcNow < end)
                {
                    var all = counter.Updates + ((long)Changed * watchers);
                    Turn(loop, publishing, round++);
                    loop.RunUntil(() => counter.Updates == all, Limit, "all watchers have received all changes");
                    changes += Changed;
                }
            });
            if (repetition >= 0)
                samples.Add(sample);
        }
        return samples;
    }

    private static void Turn(EventLoop loop, Http2Connection connection, int round)
    {
        var users = Enumerable.Range(0, Changed);
        var messages = round % 2 == 0 ? Population.Beats(users, Changed, round / 2) : Population.Ends(users, Changed, round / 2);
        new DialogueLoad(
            [connection], streamsEach: 1, messagesEach: 1, PresenceServer.StreamHeartbeatsPath, Population.StreamStart(), messages,
            Changed, static _ => { })
            .SendAll(loop, Limit);
    }

    private static void Open(EventLoop loop, int port, int watches, WatchCounter counter, Func<int, IEnumerable<string>> users)
    {
        var headers = HeaderBlock.OfCall(PresenceServer.WatchUsersPath);
        Http2Connection? connection = null;
        for (var watch = 0; watch < watches; watch++)
        {
            if (watch % StreamsPerConnection == 0)
                connection = new Http2Connection(loop, port);
            var request = new V1.WatchUsersRequest
            {
                ServiceSid = PresenceServer.Service,
                View = V1.UserView.Reachability,
                Start = V1.WatchStart.Now,
                UserKeys = { users(watch) },
            };
            connection!.Open(headers, counter).Send(request.ToByteArray(), end: true);
            // A few at a time: a request with many names takes much of the connection's window.
            var opened = watch + 1;
            loop.RunUntil(() => counter.Synced == opened, Limit, "all watches are synced");
        }
    }
}
