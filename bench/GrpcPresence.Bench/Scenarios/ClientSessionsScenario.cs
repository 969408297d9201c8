using System.Diagnostics;
using System.Globalization;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Report;
using GrpcPresence.Bench.Serve;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>
/// The client library as a gateway of ten thousand sessions in one process, which has the core of the load; this process sleeps meanwhile.
/// With an API key all sessions share one stream, and with access tokens each user has a stream. Then the client is disposed of, which
/// ends all sessions.
/// </summary>
internal static class ClientSessionsScenario
{
    // The default of the client's EndTimeout.
    private static readonly TimeSpan EndTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    /// <summary>Measures and reports the rows.</summary>
    public static void Run(BenchRun run)
    {
        Run(run, HoldSessionsCommand.WithKey, "an API key: one stream, a heartbeat a second each", TimeSpan.FromSeconds(1));
        Run(run, HoldSessionsCommand.WithTokens, "access tokens: a stream each, a heartbeat each 30 s", TimeSpan.FromSeconds(30));
    }

    private static void Run(BenchRun run, string credentials, string what, TimeSpan interval)
    {
        var sessions = run.Scale(10_000, 500);
        using var loop = new EventLoop();
        var (server, key) = StartGuarded(run, loop, interval);
        using var owned = server;
        run.Say($"{sessions} sessions with {what}");
        using var client = ServerProcess.StartSelfOnLoadCore(
            "hold-sessions", $"http://127.0.0.1:{server.Port}", PresenceServer.Service, $"{sessions}", credentials);
        client.SendLine(key);
        var bytes = NumbersOf(client.WaitForLine("holding "))[0];
        // The pace holds from the first answer on, and each session beats within the first interval.
        Thread.Sleep(run.WarmUp + (run.IsQuick ? TimeSpan.Zero : Settling));
        var resident = client.Usage.ResidentBytes / (1024.0 * 1024);

        var (shares, serverShares, rates) = (new List<double>(), new List<double>(), new List<double>());
        for (var repetition = 0; repetition < run.Repetitions; repetition++)
        {
            var before = Ask(client, "count", "counted ")[0];
            var (began, cpu, serverCpu) = (Stopwatch.GetTimestamp(), client.Usage.Cpu, server.Process.Usage.Cpu);
            // At a few percent of a core, a window of the usual length has too few of the kernel's steps of 10 ms.
            Thread.Sleep(3 * run.Window);
            var elapsed = Stopwatch.GetElapsedTime(began);
            shares.Add(100 * ((client.Usage.Cpu - cpu) / elapsed));
            serverShares.Add(100 * ((server.Process.Usage.Cpu - serverCpu) / elapsed));
            rates.Add((Ask(client, "count", "counted ")[0] - before) / elapsed.TotalSeconds);
        }
        var streams = Ask(client, "count", "counted ")[1];
        var rate = Spread.Of(rates).Median;
        var isShared = credentials == HoldSessionsCommand.WithKey;
        if (streams > (isShared ? 1 : sessions) || (!run.IsQuick && rate < 0.9 * sessions / interval.TotalSeconds))
            throw new InvalidDataException($"{rate:0} heartbeats a second over {streams} streams, for {sessions} sessions.");
        var share = Spread.Of(shares);
        run.Report(new Row(
            "client",
            $"10,000 sessions in one `GrpcPresence.Client`, with {what}: share of a core; managed memory of a session",
            "—",
            string.Create(CultureInfo.InvariantCulture, $"{share} %; {bytes:#,0} bytes"),
            IsReached: null,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{rate:#,0} heartbeats/s; {resident:0} MiB resident; server {Spread.Of(serverShares).Median:0} % busy"),
            new Dictionary<string, Spread>
            {
                ["core_percent"] = share,
                ["session_bytes"] = new(bytes, bytes, bytes),
                ["resident_mib"] = new(resident, resident, resident),
                ["heartbeats_per_second"] = Spread.Of(rates),
            }));
        ReportEnds(run, client, sessions, what);
    }

    /// <summary>Disposes of the client again and again, and checks that the server has accepted the end of each session in time.</summary>
    private static void ReportEnds(BenchRun run, ServerProcess client, int sessions, string what)
    {
        var (durations, ends) = (new List<double>(), new List<double>());
        for (var repetition = 0; repetition < run.Repetitions; repetition++)
        {
            if (repetition > 0)
                Ask(client, "start", "holding ");
            var ended = Ask(client, "end", "ended ");
            durations.Add(ended[0] / 1000);
            ends.Add(ended[1]);
        }
        var (took, fewest) = (Spread.Of(durations), ends.Min());
        run.Report(new Row(
            "client",
            $"the same, with {what}: disposal of the client, which ends all sessions",
            string.Create(CultureInfo.InvariantCulture, $"all within {EndTimeout.TotalSeconds} s"),
            string.Create(CultureInfo.InvariantCulture, $"{fewest:#,0} of {sessions:#,0} in {took} s"),
            fewest == sessions && took.Most <= EndTimeout.TotalSeconds,
            "counted by the answers of the server",
            new Dictionary<string, Spread> { ["seconds"] = took, ["ends"] = Spread.Of(ends) }));
    }

    /// <summary>Starts a server that requires credentials, and returns it with an API key.</summary>
    private static (PresenceServer Server, string Key) StartGuarded(BenchRun run, EventLoop loop, TimeSpan interval)
    {
        var database = run.Workspace.NewPath("gateway.db");
        using (var open = PresenceServer.Start(database))
        {
            PresenceServer.CreateService(
                loop, new Http2Connection(loop, open.Port), PresenceServer.Service, TimeSpan.FromHours(24), interval);
        }
        var (sid, secret) = PresenceServer.NewKey(database);
        return (PresenceServer.Start(database), $"{sid}:{secret}");
    }

    private static double[] Ask(ServerProcess client, string line, string answer)
    {
        client.SendLine(line);
        return NumbersOf(client.WaitForLine(answer));
    }

    private static double[] NumbersOf(string line) =>
        [.. line.Split(' ')[1..].Select(number => double.Parse(number, CultureInfo.InvariantCulture))];
}
