using Google.Protobuf;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>P11: how fast a disconnected client resumes after every user has changed.</summary>
internal static class ResumeScenario
{
    private const int BeatsEach = 1000;
    private const int WarmUps = 20;
    private static readonly byte[] Headers = HeaderBlock.OfCall(PresenceServer.WatchUsersPath);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <summary>Measures and reports the rows.</summary>
    public static void Run(BenchRun run)
    {
        var users = run.Scale(100_000, 2_000);
        var path = run.Workspace.NewPath("resume.db");
        PreparedDatabase.Create(path, users, online: false, TimeSpan.FromHours(24));
        using var loop = new EventLoop();
        using var server = PresenceServer.Start(path);
        var connection = new Http2Connection(loop, server.Port);
        var order = Population.Shuffled(users);

        var samples = new List<Sample>();
        for (var round = 0; round < run.Repetitions; round++)
        {
            run.Say($"{users} changes of {users} users without a watcher");
            var token = TakeToken(loop, connection);
            Change(loop, connection, order, round);
            for (var warmUp = 0; round == 0 && warmUp < run.Scale(WarmUps, 1); warmUp++)
                Resume(loop, server, connection, token, users);
            samples.Add(Resume(loop, server, connection, token, users));
        }
        var rate = Spread.Of(samples.Select(sample => sample.Rate));
        run.Say(SampleSeries.Describe(samples));
        run.Report(new Row(
            "P11", "resume after missing 100,000 changes of 100,000 users: users/s to the client", "≥ 300,000", $"{rate}",
            rate.Median >= 300_000,
            SampleSeries.Busy(samples),
            new Dictionary<string, Spread>
            {
                ["users_per_s"] = rate,
                ["cpu_us"] = Spread.Of(samples.Select(sample => sample.CpuMicroseconds)),
            }));
    }

    private static string TakeToken(EventLoop loop, Http2Connection connection)
    {
        var counter = new WatchCounter();
        var watch = connection.Open(Headers, counter);
        watch.Send(Request("", V1.WatchStart.Now), end: true);
        loop.RunUntil(() => counter.Synced == 1, Limit, "the first watch is synced");
        watch.Cancel();
        return counter.ResumeToken;
    }

    private static Sample Resume(EventLoop loop, PresenceServer server, Http2Connection connection, string token, int users)
    {
        var counter = new WatchCounter();
        var watch = connection.Open(Headers, counter);
        var sample = Sample.Take(server.Process, () => counter.Updates, () =>
        {
            watch.Send(Request(token, V1.WatchStart.Unspecified), end: true);
            loop.RunUntil(() => counter.Synced == 1, Limit, "the resumed watch has caught up");
        });
        watch.Cancel();
        return counter.Updates == users
            ? sample
            : throw new InvalidDataException($"The resumed watch received {counter.Updates} updates, not {users}.");
    }

    // All users come online in the even rounds and go offline in the odd ones.
    private static void Change(EventLoop loop, Http2Connection connection, int[] order, int round)
    {
        var messages = round % 2 == 0 ? Population.Beats(order, BeatsEach, round / 2) : Population.Ends(order, BeatsEach, round / 2);
        new DialogueLoad(
            [connection], streamsEach: 1, messagesEach: 1, PresenceServer.StreamHeartbeatsPath, Population.StreamStart(), messages,
            BeatsEach, static reply =>
            {
                if (V1.StreamHeartbeatsResponse.Parser.ParseFrom(reply).Rejected.Count > 0)
                    throw new IOException("Not every change was accepted.");
            }).SendAll(loop, Limit);
    }

    private static byte[] Request(string token, V1.WatchStart start) => new V1.WatchUsersRequest
    {
        ServiceSid = PresenceServer.Service,
        View = V1.UserView.Reachability,
        Start = start,
        ResumeToken = token,
    }.ToByteArray();
}
