using System.Globalization;
using Google.Protobuf;
using GrpcPresence.Bench.FanOut;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>
/// P8: 10,000 leases a second expire in one service instance, beside the million sessions of another, whose heartbeats continue. The
/// tracker's own metric says when it decided; a watcher says when the commit was delivered.
/// </summary>
internal sealed class ExpiryMeasurement : IStreamHandler
{
    private const string Service = "IS000000000000000000000000000be9c5";
    private const int PerMessage = 100;

    // The load ignores windows. With one stream, a server that stops for a quarter of a second has its window of 128 KiB exceeded.
    private const int Streams = 10;

    private static readonly TimeSpan MessageInterval = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan HeartbeatInterval = TimeSpan.FromMilliseconds(0.5);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly BenchRun _run;
    private readonly EventLoop _loop;
    private readonly PresenceServer _server;
    private readonly Http2Connection _connection;
    private readonly Http2Stream[] _beats;
    private readonly byte[][] _messages;
    private readonly PacedHeartbeats _heartbeats;
    private readonly TimeSpan _duration;
    private readonly TimeSpan _timeout; // longer, so that no user goes offline before all are online
    private readonly DeliveryClock _clock;
    private int _deliveries;
    private double _p99; // p99 of the last awaited deliveries, in milliseconds from the heartbeat

    /// <summary>Prepares the second service instance.</summary>
    public ExpiryMeasurement(BenchRun run, EventLoop loop, PresenceServer server, Http2Connection connection, int heartbeatUsers)
    {
        _run = run;
        _loop = loop;
        _server = server;
        _duration = TimeSpan.FromSeconds(run.Scale(10, 2));
        _timeout = _duration + TimeSpan.FromSeconds(1);
        _connection = connection;
        PresenceServer.CreateService(loop, _connection, Service, _timeout);
        var users = (int)(_duration / MessageInterval) * PerMessage;
        _clock = new DeliveryClock(users);
        _messages = Population.Beats(Enumerable.Range(0, users), PerMessage);
        _heartbeats = new PacedHeartbeats(
            loop, _connection, Population.Heartbeats(Population.Shuffled(heartbeatUsers).Take(100_000)), HeartbeatInterval);
        _beats = [.. Enumerable.Range(0, Streams).Select(_ => OpenBeats())];
        _connection.Open(HeaderBlock.OfCall(PresenceServer.WatchUsersPath), this).Send(
            new V1.WatchUsersRequest { ServiceSid = Service, Start = V1.WatchStart.Now, View = V1.UserView.Reachability }.ToByteArray(),
            end: true);
    }

    /// <summary>Measures and reports the rows.</summary>
    public void Run()
    {
        var (quiet, expiring, decided, committed) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        for (var repetition = -1; repetition < Math.Min(_run.Repetitions, 3); repetition++)
        {
            _run.Say(repetition < 0 ? "expiry: warming up" : $"expiry: run {repetition + 1}");
            var before = _heartbeats.Take(_duration).P99;
            ComeOnline();
            AwaitDeliveries("all users are online");
            Lateness();
            _loop.RunUntil(() => _deliveries > 0, Limit, "leases run out");
            var during = _heartbeats.Take(_duration).P99;
            AwaitDeliveries("all leases have run out");
            if (repetition < 0)
            {
                Lateness();
                continue;
            }
            quiet.Add(before);
            expiring.Add(during);
            decided.Add(Lateness());
            committed.Add(_p99 - _timeout.TotalMilliseconds);
        }
        Report(quiet, expiring, decided, committed);
    }

    /// <inheritdoc/>
    public void OnMessage(Http2Stream stream, ReadOnlySpan<byte> message)
    {
        if (_beats.Contains(stream))
            return;
        var updates = new ProtoFields(ProtoFields.Find(message, V1.WatchUsersResponse.UpdatesFieldNumber));
        while (updates.Next())
        {
            _deliveries++;
            _clock.Arrived(PresenceFanOut.IdentityIn(updates.Value));
        }
    }

    /// <inheritdoc/>
    public void OnEnded(Http2Stream stream, ReadOnlySpan<byte> trailers) =>
        throw new IOException($"A stream ended: {Http2Stream.Describe(trailers)}");

    private void Report(List<double> quiet, List<double> expiring, List<double> decided, List<double> committed)
    {
        var evidence = string.Create(CultureInfo.InvariantCulture, $"sends were at most {_loop.MaxLateness.TotalMilliseconds:0.0} ms late");
        var late = Spread.Of(decided);
        _run.Report(new Row(
            "P8", "end of a lease → the tracker's decision, 10,000 expiries/s among 1,000,000 sessions: p99", "≤ 100 ms",
            string.Create(CultureInfo.InvariantCulture, $"{late} ms (to a watcher, committed: {Spread.Of(committed)} ms)"),
            late.Median <= 100, evidence,
            new Dictionary<string, Spread> { ["decision_p99_ms"] = late, ["watcher_p99_ms"] = Spread.Of(committed) }));
        var ratio = Spread.OfRatios(expiring, quiet);
        _run.Report(new Row(
            "P8", "p99 of a `Heartbeat` meanwhile, over the wire at 2,000/s, beside without expiry", "≤ 1.2 ×",
            string.Create(CultureInfo.InvariantCulture, $"{ratio} × ({Spread.Of(expiring).Median:0.00} ms)"), ratio.Median <= 1.2, evidence,
            new Dictionary<string, Spread>
            {
                ["ratio"] = ratio,
                ["expiring_p99_ms"] = Spread.Of(expiring),
                ["quiet_p99_ms"] = Spread.Of(quiet),
            }));
    }

    private Http2Stream OpenBeats()
    {
        var stream = _connection.Open(HeaderBlock.OfCall(PresenceServer.StreamHeartbeatsPath), this);
        stream.Send(Population.StreamStart(Service));
        return stream;
    }

    private void ComeOnline() => _loop.RunPaced(_messages.Length, MessageInterval, message =>
    {
        for (var user = 0; user < PerMessage; user++)
            _clock.Sent((message * PerMessage) + user);
        _beats[message % Streams].Send(_messages[message]);
    });

    private void AwaitDeliveries(string what)
    {
        _loop.RunUntil(() => _deliveries == _messages.Length * PerMessage, Limit, $"the watcher has received that {what}");
        _deliveries = 0;
        _p99 = _clock.Take().P99;
    }

    // `lateness COUNT P50 P99 MAX`, in milliseconds.
    private double Lateness()
    {
        _server.Process.SendLine("lateness");
        return double.Parse(_server.Process.WaitForLine("lateness ").Split(' ')[3], CultureInfo.InvariantCulture);
    }
}
