using System.Diagnostics;
using System.Globalization;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>
/// The client library as a gateway: ten thousand sessions in one process, on one stream, each with a heartbeat a second. The process has
/// the core of the load, and this one sleeps meanwhile.
/// </summary>
internal static class ClientSessionsScenario
{
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    /// <summary>Measures and reports the row.</summary>
    public static void Run(BenchRun run)
    {
        var sessions = run.Scale(10_000, 500);
        using var loop = new EventLoop();
        using var server = PresenceServer.StartWithService(run.Workspace, loop);
        run.Say($"{sessions} sessions");
        using var client = ServerProcess.StartSelfOnLoadCore(
            "hold-sessions", $"http://127.0.0.1:{server.Port}", PresenceServer.Service, sessions.ToString(CultureInfo.InvariantCulture));
        var bytes = double.Parse(client.WaitForLine("holding ").Split(' ')[1], CultureInfo.InvariantCulture);
        // The pace holds from the first answer on, and each session beats within the first interval.
        Thread.Sleep(Settling + run.WarmUp);

        var (shares, serverShares, rates) = (new List<double>(), new List<double>(), new List<double>());
        var streams = 0L;
        for (var repetition = 0; repetition < run.Repetitions; repetition++)
        {
            var (before, _) = Count(client);
            var (began, cpu, serverCpu) = (Stopwatch.GetTimestamp(), client.Usage.Cpu, server.Process.Usage.Cpu);
            // At a few percent of a core, a window of the usual length has too few of the kernel's steps of 10 ms.
            Thread.Sleep(3 * run.Window);
            var elapsed = Stopwatch.GetElapsedTime(began);
            shares.Add(100 * ((client.Usage.Cpu - cpu) / elapsed));
            serverShares.Add(100 * ((server.Process.Usage.Cpu - serverCpu) / elapsed));
            (var after, streams) = Count(client);
            rates.Add((after - before) / elapsed.TotalSeconds);
        }
        var rate = Spread.Of(rates).Median;
        if (streams != 1 || (!run.IsQuick && rate < 0.95 * sessions))
            throw new InvalidDataException($"{rate:0} heartbeats a second over {streams} streams, for {sessions} sessions.");
        var share = Spread.Of(shares);
        run.Report(new Row(
            "client",
            "10,000 sessions in one `GrpcPresence.Client`, on one stream, a heartbeat a second each: share of a core; memory of a session",
            "—",
            string.Create(CultureInfo.InvariantCulture, $"{share} %; {bytes:0} bytes"),
            IsReached: null,
            string.Create(CultureInfo.InvariantCulture, $"{rate:#,0} heartbeats/s; server {Spread.Of(serverShares).Median:0} % busy"),
            new Dictionary<string, Spread>
            {
                ["core_percent"] = share,
                ["session_bytes"] = new(bytes, bytes, bytes),
                ["heartbeats_per_second"] = Spread.Of(rates),
            }));
    }

    private static (long Heartbeats, long Streams) Count(ServerProcess client)
    {
        client.SendLine("count");
        var counted = client.WaitForLine("counted ").Split(' ');
        return (long.Parse(counted[1], CultureInfo.InvariantCulture), long.Parse(counted[2], CultureInfo.InvariantCulture));
    }
}
