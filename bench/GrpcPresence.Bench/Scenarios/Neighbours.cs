using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Machine;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>A quiet tenant with timed heartbeats, and a noisy one, on their own server.</summary>
internal sealed class Neighbours : IDisposable
{
    private const int QuietUsers = 1_000;
    private static readonly TimeSpan HeartbeatInterval = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly EventLoop _loop;
    private readonly PresenceServer _server;
    private readonly PacedHeartbeats _heartbeats;
    private readonly NoisyTenant _noisy;
    private readonly List<(double P50, double P99)> _alone = [];
    private readonly List<(double P50, double P99)> _beside = [];
    private readonly List<Sample> _aloneSamples = [];
    private readonly List<NoiseSample> _noise = [];

    /// <summary>Starts the server with the settings, and brings the users of both online.</summary>
    public Neighbours(Workspace workspace, EventLoop loop, params IEnumerable<string> settings)
    {
        _loop = loop;
        _server = PresenceServer.StartWithService(workspace, loop, settings);
        var requests = Population.Heartbeats(Population.Shuffled(QuietUsers));
        var connection = new Http2Connection(loop, _server.Port);
        new UnaryLoad([connection], callsEach: 16, PresenceServer.HeartbeatPath, requests).CallAll(loop, Limit);
        _heartbeats = new PacedHeartbeats(loop, connection, requests, HeartbeatInterval);
        _noisy = new NoisyTenant(loop, _server.Port);
    }

    /// <summary>The quiet tenant's median beside the noisy one, in milliseconds.</summary>
    public Spread BesideP50 => Spread.Of(_beside.Select(one => one.P50));

    /// <summary>Its 99th percentile.</summary>
    public Spread BesideP99 => Spread.Of(_beside.Select(one => one.P99));

    /// <summary>Its median while it is alone.</summary>
    public Spread AloneP50 => Spread.Of(_alone.Select(one => one.P50));

    /// <summary>Its 99th percentile while it is alone.</summary>
    public Spread AloneP99 => Spread.Of(_alone.Select(one => one.P99));

    /// <summary>The ratio of the 99th percentiles beside the noisy tenant and alone.</summary>
    public Spread Ratio => Spread.OfRatios([.. _beside.Select(one => one.P99)], [.. _alone.Select(one => one.P99)]);

    /// <summary>The share of its core that the server used while the quiet tenant was alone.</summary>
    public Spread AloneBusy => Spread.Of(_aloneSamples.Select(sample => sample.ServerBusy));

    /// <summary>Describes the noisy tenant's results for people.</summary>
    public string Noise => NoiseSample.Describe(_noise);

    /// <summary>Runs both for some time, unmeasured, so that the server has compiled its hot code.</summary>
    public void WarmUp(TimeSpan duration)
    {
        _noisy.Start();
        _heartbeats.Take(duration);
        Quiet();
    }

    /// <summary>Measures the quiet tenant alone, and then beside the noisy one, which has been running for some time.</summary>
    public void Take(TimeSpan before, TimeSpan window)
    {
        _aloneSamples.Add(Sample.Take(_server.Process, () => 0, () => _alone.Add(_heartbeats.Take(window))));
        _noisy.Start();
        _loop.RunFor(before);
        _noise.Add(NoiseSample.Take(_server.Process, _noisy, () => _beside.Add(_heartbeats.Take(window))));
        Quiet();
    }

    /// <inheritdoc/>
    public void Dispose() => _server.Dispose();

    // Also waits for delayed quota errors, because the quiet tenant is not alone before.
    private void Quiet()
    {
        _noisy.Stop();
        _loop.RunUntil(() => _noisy.IsIdle, Limit, "the noisy tenant is answered");
    }
}
