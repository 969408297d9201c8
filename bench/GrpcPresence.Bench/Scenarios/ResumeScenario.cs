using Google.Protobuf;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>P11: how fast a client that was away comes back, when every user has changed meanwhile.</summary>
internal static class ResumeScenario
{
    private const int BeatsEach = 1000;
    private const int WarmUps = 3;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <summary>Measures.</summary>
    public static void Run(BenchRun run)
    {
        var users = run.Scale(100_000, 2_000);
        var path = run.Workspace.NewPath("resume.db");
        PreparedDatabase.Create(path, users, online: false, TimeSpan.FromHours(24));
        using var loop = new EventLoop();
        using var server = PresenceServer.Start(path);
        var connection = new Http2Connection(loop, server.Port);
        var headers = Http2Connection.HeadersOf(PresenceServer.WatchUsersPath);
        var order = Population.Shuffled(users);

        var samples = new List<Sample>();
        var round = 0;
        for (var repetition = -run.Scale(WarmUps, 1); repetition < run.Repetitions; repetition++)
        {
            run.Say($"{users} changes of {users} users while nobody watches");
            var before = new WatchCounter();
            var watch = connection.Open(headers, before);
            watch.Send(Request("", V1.WatchStart.Now), end: true);
            loop.RunUntil(() => before.Synced == 1, Limit, "the first watch is synced");
            watch.Cancel();
            Change(loop, connection, order, round++);

            var after = new WatchCounter();
            var sample = Sample.Take(server.Process, () => after.Updates, () =>
            {
                connection.Open(headers, after).Send(Request(before.ResumeToken, V1.WatchStart.Unspecified), end: true);
                loop.RunUntil(() => after.Synced == 1, Limit, "the resumed watch has caught up");
            });
            if (after.Updates != users)
                throw new InvalidDataException($"The resumed watch was sent {after.Updates} updates and not {users}.");
            if (repetition >= 0)
                samples.Add(sample);
        }
        var rate = Spread.Of(samples.Select(sample => sample.Rate));
        run.Say(SampleSeries.Describe(samples));
        run.Report(new Row(
            "P11", "resume after missing 100,000 changes of 100,000 users: users/s to the client", "≥ 200,000", $"{rate}", rate.Median >= 200_000,
            SampleSeries.Busy(samples), new Dictionary<string, Spread> { ["users_per_s"] = rate, ["cpu_us"] = Spread.Of(samples.Select(sample => sample.CpuMicroseconds)) }));
    }

    // All come online in the even rounds and go offline in the odd ones.
    private static void Change(EventLoop loop, Http2Connection connection, int[] order, int round)
    {
        var messages = round % 2 == 0 ? Population.Beats(order, BeatsEach, round / 2) : Population.Ends(order, BeatsEach, round / 2);
        new DialogueLoad(
            [connection], streamsEach: 1, messagesEach: 8, PresenceServer.StreamHeartbeatsPath, Population.StreamStart(), messages, BeatsEach, static reply =>
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
