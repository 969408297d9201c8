using System.Globalization;
using Google.Protobuf;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>
/// P10: the memory of an idle watch, compared with an idle stream of bare gRPC, and the additional memory of each watched user.
/// </summary>
internal static class IdleWatchScenario
{
    private const int UsersEach = 100;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <summary>Measures and reports the rows.</summary>
    public static void Run(BenchRun run)
    {
        var (connections, streamsEach) = (run.Scale(100, 5), run.Scale(100, 10));
        var (streams, idle, watches) = (connections * streamsEach, new List<double>(), new List<double>());
        var users = new List<double>();
        for (var repetition = 0; repetition < Math.Min(run.Repetitions, 3); repetition++)
        {
            run.Say($"run {repetition + 1}: {streams} idle streams");
            using (var loop = new EventLoop())
            using (var bare = BareServer.Start())
            {
                idle.Add(Grow(
                    loop, bare.Port, bare.Process.CompactedBytes, BareServer.IdlePath, connections, streamsEach, _ => []) / streams);
            }

            run.Say($"{streams} watches of a whole service instance");
            using (var loop = new EventLoop())
            using (var presence = PresenceServer.StartWithService(run.Workspace, loop))
            {
                watches.Add(Grow(
                    loop, presence.Port, presence.Process.CompactedBytes, PresenceServer.WatchUsersPath, connections, streamsEach,
                    _ => Request([])) / streams);
            }

            run.Say($"{streams / 10} watches of {UsersEach} users each");
            using (var loop = new EventLoop())
            using (var presence = PresenceServer.StartWithService(run.Workspace, loop))
            {
                var some = streams / 10;
                var grown = Grow(
                    loop, presence.Port, presence.Process.CompactedBytes, PresenceServer.WatchUsersPath, connections, streamsEach / 10,
                    watch => Request(Enumerable.Range(watch * UsersEach, UsersEach).Select(Population.IdentityOf)));
                users.Add((grown - (watches[^1] * some)) / (some * UsersEach));
            }
        }
        var ratio = Spread.OfRatios(watches, idle);
        const string Evidence = "memory only: nothing is sent while it is read";
        run.Report(new Row(
            "P10", "an idle watch: resident memory, beside an idle stream of bare Grpc.AspNetCore.Server; 10,000 on 100 connections",
            "≤ 1.2 ×",
            string.Create(CultureInfo.InvariantCulture, $"{ratio} × ({Spread.Of(watches).Median / 1024:0.0} KiB)"),
            ratio.Median <= 1.2, Evidence,
            new Dictionary<string, Spread>
            {
                ["ratio"] = ratio,
                ["watch_bytes"] = Spread.Of(watches),
                ["idle_stream_bytes"] = Spread.Of(idle),
            }));
        var each = Spread.Of(users);
        run.Report(new Row(
            "P10", "each watched user more", "≤ 350 bytes", $"{each} bytes", each.Median <= 350, Evidence,
            new Dictionary<string, Spread> { ["user_bytes"] = each }));
    }

    // Returns the growth of the server's memory by the streams. The streams are opened and closed once before, so that one-time allocations
    // do not count.
    private static double Grow(
        EventLoop loop, int port, Func<long> compacted, string path, int connections, int streamsEach, Func<int, byte[]> request)
    {
        var warm = Open(loop, port, path, connections: 2, streamsEach, request);
        foreach (var stream in warm)
            stream.Cancel();
        loop.RunFor(TimeSpan.FromMilliseconds(500));
        var before = compacted();
        Open(loop, port, path, connections, streamsEach, request);
        loop.RunFor(TimeSpan.FromMilliseconds(500));
        return compacted() - before;
    }

    private static List<Http2Stream> Open(
        EventLoop loop, int port, string path, int connections, int streamsEach, Func<int, byte[]> request)
    {
        var answered = new FirstMessages();
        var headers = HeaderBlock.OfCall(path);
        var streams = new List<Http2Stream>();
        foreach (var connection in Http2Connection.Several(loop, port, connections))
        {
            for (var i = 0; i < streamsEach; i++)
            {
                var stream = connection.Open(headers, answered);
                stream.Send(request(streams.Count), end: true);
                streams.Add(stream);
            }
            loop.RunUntil(() => answered.Count == streams.Count, Limit, "all streams have sent a message");
        }
        return streams;
    }

    private static byte[] Request(IEnumerable<string> users) => new V1.WatchUsersRequest
    {
        ServiceSid = PresenceServer.Service,
        View = V1.UserView.Reachability,
        Start = V1.WatchStart.Now,
        UserKeys = { users },
    }.ToByteArray();

    private sealed class FirstMessages : IStreamHandler
    {
        public int Count { get; private set; }

        public void OnMessage(Http2Stream stream, ReadOnlySpan<byte> message)
        {
            if (stream.Messages == 1)
                Count++;
        }

        public void OnEnded(Http2Stream stream, ReadOnlySpan<byte> trailers) =>
            throw new IOException($"A stream ended: {Http2Stream.Describe(trailers)}");
    }
}
