using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>
/// P7, P8, P9 and the heartbeat half of P12: a million users that were online when the server was killed, and their million sessions.
/// </summary>
internal static class MillionScenario
{
    private const int Connections = 8;
    private const int CallsEach = 16;
    private const int BeatsEach = 100;
    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>Measures and reports the rows.</summary>
    public static void Run(BenchRun run)
    {
        var (many, few) = (run.Scale(1_000_000, 5_000), 1_000);
        var path = run.Workspace.NewPath("million.db");
        run.Say($"a database of {many} online users");
        PreparedDatabase.Create(path, many, online: true, Recovery);
        using var loop = new EventLoop();
        using var server = Start(run, path, many);
        var connections = Http2Connection.Several(loop, server.Port, Connections);

        // This watch must see no user go offline, from the start to the end of all anonymous leases.
        var watch = new WatchCounter();
        connections[0].Open(HeaderBlock.OfCall(PresenceServer.WatchUsersPath), watch).Send(
            new V1.WatchUsersRequest { ServiceSid = PresenceServer.Service, Start = V1.WatchStart.Now }.ToByteArray(), end: true);
        PresenceServer.Configure(loop, connections[0], PresenceServer.Service, TimeSpan.FromHours(24));
        run.Say("a session for each");
        var beats = Beats(connections, Population.Shuffled(many));
        beats.SendAll(loop, Limit);
        run.Say("waiting for the end of the recovered leases");
        loop.RunFor(run.IsQuick ? TimeSpan.FromSeconds(1) : Recovery);
        if (watch.Updates > 0)
            throw new InvalidDataException($"The watch received {watch.Updates} updates, but no user had changed.");

        using var small = PresenceServer.StartWithService(run.Workspace, loop);
        var smallConnections = Http2Connection.Several(loop, small.Port, Connections);
        var fewBeats = Beats(smallConnections, Population.Shuffled(few));
        fewBeats.SendAll(loop, Limit);
        var series = SampleSeries.Take(
            run,
            loop,
            new Subject("Heartbeat, 1,000 sessions", small.Process, Heartbeats(smallConnections, few)),
            new Subject($"Heartbeat, {many:#,0} sessions", server.Process, Heartbeats(connections, many)),
            new Subject("beat in a stream, 1,000 sessions", small.Process, fewBeats),
            new Subject($"beat in a stream, {many:#,0} sessions", server.Process, beats));
        Report(run, "CPU of a unary `Heartbeat`, 1,000,000 sessions beside 1,000", "flat (≤ 1.1 ×)", bound: 1.1, series[1], series[0]);
        Report(run, "CPU of a beat of `StreamHeartbeats`, the same", "—", bound: null, series[3], series[2]);

        var bytes = (double)(server.Process.CompactedBytes() - small.Process.CompactedBytes()) / (many - few);
        run.Report(new Row(
            "P7", "resident memory of a tracked session", "≤ 320 bytes",
            string.Create(CultureInfo.InvariantCulture, $"{bytes:0} bytes"), bytes <= 320,
            "memory only: nothing is sent while it is read",
            new Dictionary<string, Spread> { ["session_bytes"] = new(bytes, bytes, bytes) }));
        new ExpiryMeasurement(run, loop, server, new Http2Connection(loop, server.Port), many).Run();
    }

    // Starts the server several times, each time after a kill, and keeps the last one.
    private static PresenceServer Start(BenchRun run, string path, int users)
    {
        var seconds = new List<double>();
        while (true)
        {
            var began = Stopwatch.GetTimestamp();
            var server = PresenceServer.Start(path);
            seconds.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
            if (seconds.Count == Math.Min(run.Repetitions, 3))
            {
                var ready = Spread.Of(seconds);
                run.Report(new Row(
                    "P9", $"start with {users:#,0} online users, until calls are served", "≤ 2 s", $"{ready} s", ready.Median <= 2,
                    "no load; no user went offline until all recovered leases had ended, which is checked",
                    new Dictionary<string, Spread> { ["seconds"] = ready }));
                return server;
            }
            server.Dispose();
        }
    }

    private static DialogueLoad Beats(IReadOnlyList<Http2Connection> connections, int[] users) => new(
        connections, streamsEach: 4, messagesEach: 2, PresenceServer.StreamHeartbeatsPath, Population.StreamStart(),
        Population.Beats(users, BeatsEach), BeatsEach,
        static reply =>
        {
            if (V1.StreamHeartbeatsResponse.Parser.ParseFrom(reply).Accepted != BeatsEach)
                throw new IOException("Not every beat was accepted.");
        });

    // One in four of a million users: the requests themselves must fit into the load's memory.
    private static UnaryLoad Heartbeats(IReadOnlyList<Http2Connection> connections, int users) => new(
        connections, CallsEach, PresenceServer.HeartbeatPath, Population.Heartbeats(Population.Shuffled(users).Take(250_000)));

    private static void Report(BenchRun run, string what, string target, double? bound, SampleSeries many, SampleSeries few)
    {
        var ratio = Spread.OfRatios(many.CpuMicroseconds, few.CpuMicroseconds);
        run.Report(new Row(
            "P12", what, target, $"{ratio} ×", bound is null ? null : ratio.Median <= bound, $"{many.Evidence}; {few.Evidence}",
            new Dictionary<string, Spread>
            {
                ["ratio"] = ratio,
                ["many_cpu_us"] = Spread.Of(many.CpuMicroseconds),
                ["few_cpu_us"] = Spread.Of(few.CpuMicroseconds),
            }));
    }
}
