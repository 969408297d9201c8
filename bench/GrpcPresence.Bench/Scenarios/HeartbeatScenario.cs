using Google.Protobuf;
using GrpcPresence.Bench.Etcd;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>
/// P1, P2 and P13: the cost of a heartbeat of a live session, unary and in a stream, compared with a call that does nothing and with etcd's
/// keep-alive; the same on PostgreSQL; and the additional cost of an access token for each user.
/// </summary>
internal static class HeartbeatScenario
{
    private const int Connections = 8;
    private const int CallsEach = 16;
    private const int StreamsEach = 4;
    private const int MessagesEach = 2;
    private const int BeatsEach = 100;

    // One user for each open call.
    private const int Few = Connections * CallsEach;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    /// <summary>Measures and reports the rows.</summary>
    public static void Run(BenchRun run)
    {
        var users = Population.Shuffled(run.Scale(10_000, 1_000));
        using var loop = new EventLoop();
        using var bare = BareServer.Start();
        using var presence = PresenceServer.StartWithService(run.Workspace, loop);
        var (guarded, tokens) = StartGuarded(run, loop, users);
        using var owned = guarded;
        using var databases = PostgresDatabases.TryStart();
        using var onPostgres = databases is null ? null : StartOnPostgres(run, loop, databases, users);
        using var etcd = EtcdServer.TryStart(run.Workspace);

        var beats = new DialogueLoad(
            Http2Connection.Several(loop, presence.Port, Connections), StreamsEach, MessagesEach, PresenceServer.StreamHeartbeatsPath,
            Population.StreamStart(), Population.Beats(users, BeatsEach), BeatsEach, CheckAccepted);
        beats.SendAll(loop, Limit); // from now on every session lives, and every user is stored online
        // Three subjects warm up the first server. Only two warm up this one, and they take longer to compile.
        run.Say("warming up the server that requires credentials");
        WithTokens("Heartbeat with a token", guarded, loop, users, tokens).Take(loop, 4 * run.WarmUp);
        var heartbeatOnPostgres = onPostgres is null ? null : Heartbeats("Heartbeat on PostgreSQL", onPostgres, loop, users);
        if (heartbeatOnPostgres is not null)
        {
            run.Say("warming up the server on PostgreSQL"); // only one subject warms it up
            heartbeatOnPostgres.Take(loop, 2 * run.WarmUp);
        }
        var series = SampleSeries.Take(
            run,
            loop,
            new Subject("no-op call", bare.Process, Unary(loop, bare.Port, BareServer.AnswerPath, [[]])),
            Heartbeats("Heartbeat", presence, loop, users),
            new Subject("beat of StreamHeartbeats", presence.Process, beats),
            WithTokens("Heartbeat with a token", guarded, loop, users, tokens),
            Heartbeats("Heartbeat among few", presence, loop, users[..Few]),
            WithTokens("Heartbeat with a token among few", guarded, loop, users[..Few], tokens[..Few]),
            etcd is null ? null : new Subject("etcd LeaseKeepAlive", etcd.Process, KeepAlives(loop, etcd, users.Length)),
            heartbeatOnPostgres);

        var (noOp, heartbeat, beat) = (series[0].CpuMicroseconds, series[1].CpuMicroseconds, series[2].CpuMicroseconds);
        var unary = Spread.OfRatios(heartbeat, noOp);
        var evidence = string.Join("; ", series.Select(one => one.Evidence));
        run.Report(new Row(
            "P1", "unary `Heartbeat`: CPU, beside a no-op call of bare Grpc.AspNetCore.Server", "≤ 1.2 ×", $"{unary} ×",
            unary.Median <= 1.2, evidence,
            new Dictionary<string, Spread>
            {
                ["ratio"] = unary,
                ["heartbeat_cpu_us"] = Spread.Of(heartbeat),
                ["no_op_cpu_us"] = Spread.Of(noOp),
            }));

        ReportPostgres(run, onPostgres is null ? null : series[^1], heartbeat, evidence);
        ReportTokens(run, $"{Few} users", series[5].CpuMicroseconds, series[4].CpuMicroseconds, evidence);
        ReportTokens(run, $"{users.Length:#,0} users", series[3].CpuMicroseconds, heartbeat, evidence);

        var toUnary = Spread.OfRatios(heartbeat, beat);
        run.Report(new Row(
            "P2", "`StreamHeartbeats`, 100 beats a message: a unary `Heartbeat`'s CPU over a beat's", "≥ 8 ×", $"{toUnary} ×",
            toUnary.Median >= 8, evidence,
            new Dictionary<string, Spread> { ["ratio"] = toUnary, ["beat_cpu_us"] = Spread.Of(beat) }));
        if (etcd is null)
        {
            run.Missing("P2", "etcd's keep-alive over a beat's", "≥ 20 ×", "etcd");
            return;
        }
        var toEtcd = Spread.OfRatios(series[6].CpuMicroseconds, beat);
        run.Report(new Row(
            "P2", "the same: etcd's CPU for a `LeaseKeepAlive` over a beat's", "≥ 20 ×", $"{toEtcd} ×", toEtcd.Median >= 20, evidence,
            new Dictionary<string, Spread> { ["ratio"] = toEtcd, ["keep_alive_cpu_us"] = Spread.Of(series[6].CpuMicroseconds) }));
    }

    /// <summary>
    /// Starts a server that requires credentials, on which every user has a live session, and creates a token for each user.
    /// </summary>
    private static (PresenceServer Server, string[] Tokens) StartGuarded(BenchRun run, EventLoop loop, int[] users)
    {
        var database = run.Workspace.NewPath("guarded.db");
        using (var setUp = new EventLoop())
        using (var open = PresenceServer.Start(database))
            PresenceServer.CreateService(setUp, new Http2Connection(setUp, open.Port), PresenceServer.Service, TimeSpan.FromHours(24));
        var (sid, secret) = PresenceServer.NewKey(database);
        var server = PresenceServer.Start(database);
        var tokens = users.Select(user => AccessTokens.Bearer(sid, secret, PresenceServer.Service, Population.IdentityOf(user))).ToArray();
        new UnaryLoad(
            Http2Connection.Several(loop, server.Port, Connections),
            CallsEach,
            PresenceServer.HeartbeatPath,
            Population.Heartbeats(users),
            tokens)
            .CallAll(loop, Limit);
        return (server, tokens);
    }

    /// <summary>Starts a server on PostgreSQL, on which every user has a live session.</summary>
    private static PresenceServer StartOnPostgres(BenchRun run, EventLoop loop, PostgresDatabases databases, int[] users)
    {
        var server = PresenceServer.StartWithServiceOnPostgres(run.Workspace, loop, databases);
        Unary(loop, server.Port, PresenceServer.HeartbeatPath, Population.Heartbeats(users)).CallAll(loop, Limit);
        return server;
    }

    private static Subject Heartbeats(string name, PresenceServer server, EventLoop loop, int[] users) =>
        new(name, server.Process, Unary(loop, server.Port, PresenceServer.HeartbeatPath, Population.Heartbeats(users)));

    private static Subject WithTokens(string name, PresenceServer guarded, EventLoop loop, int[] users, string[] tokens) => new(
        name, guarded.Process,
        new UnaryLoad(
            Http2Connection.Several(loop, guarded.Port, Connections),
            CallsEach,
            PresenceServer.HeartbeatPath,
            Population.Heartbeats(users),
            tokens));

    private static void ReportPostgres(BenchRun run, SampleSeries? onPostgres, IReadOnlyList<double> onSqlite, string evidence)
    {
        const string What = "unary `Heartbeat` of a live session, with the server on PostgreSQL: CPU, beside SQLite";
        const string Target = "≤ 1.1 ×";
        if (onPostgres is null)
        {
            run.Missing("P1", What, Target, PostgresDatabases.Name);
            return;
        }
        var ratio = Spread.OfRatios(onPostgres.CpuMicroseconds, onSqlite);
        run.Report(new Row(
            "P1", What, Target, $"{ratio} ×", ratio.Median <= 1.1, evidence,
            new Dictionary<string, Spread>
            {
                ["ratio"] = ratio,
                ["postgres_cpu_us"] = Spread.Of(onPostgres.CpuMicroseconds),
                ["sqlite_cpu_us"] = Spread.Of(onSqlite),
            }));
    }

    private static void ReportTokens(BenchRun run, string users, IReadOnlyList<double> with, IReadOnlyList<double> without, string evidence)
    {
        var ratio = Spread.OfRatios(with, without);
        run.Report(new Row(
            "P13", $"unary `Heartbeat` of {users}, each with an access token that was verified before: CPU, beside without", "≤ 1.1 ×",
            $"{ratio} ×", ratio.Median <= 1.1,
            evidence,
            new Dictionary<string, Spread>
            {
                ["ratio"] = ratio,
                ["with_token_cpu_us"] = Spread.Of(with),
                ["without_cpu_us"] = Spread.Of(without),
            }));
    }

    private static UnaryLoad Unary(EventLoop loop, int port, string path, byte[][] requests) =>
        new(Http2Connection.Several(loop, port, Connections), CallsEach, path, requests);

    private static DialogueLoad KeepAlives(EventLoop loop, EtcdServer etcd, int leases)
    {
        const int Ttl = 24 * 60 * 60;
        var ids = Enumerable.Range(1, leases).ToArray();
        var connections = Http2Connection.Several(loop, etcd.Port, Connections);
        var grants = ids.Select(id => new LeaseGrantRequest { Id = id, Ttl = Ttl }.ToByteArray()).ToArray();
        new UnaryLoad(connections, CallsEach, EtcdServer.LeaseGrantPath, grants).CallAll(loop, Limit);
        return new DialogueLoad(
            connections, StreamsEach, CallsEach, EtcdServer.LeaseKeepAlivePath, opening: null,
            [.. ids.Select(id => new LeaseKeepAliveRequest { Id = id }.ToByteArray())], operationsEach: 1, CheckKept);
    }

    private static void CheckAccepted(ReadOnlySpan<byte> reply)
    {
        if (V1.StreamHeartbeatsResponse.Parser.ParseFrom(reply) is not { Accepted: BeatsEach } rejected)
            throw new IOException($"Not every beat was accepted: {V1.StreamHeartbeatsResponse.Parser.ParseFrom(reply)}.");
    }

    // For a lease that does not exist, etcd answers with a TTL of 0.
    private static void CheckKept(ReadOnlySpan<byte> reply)
    {
        if (LeaseKeepAliveResponse.Parser.ParseFrom(reply).Ttl <= 0)
            throw new IOException("etcd did not keep a lease alive.");
    }
}
