using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Tests.Presence.Fixture;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Core.Tests.Quotas;

/// <summary>A limiter with small quotas and a manual clock.</summary>
internal sealed class QuotaWorld : IDisposable
{
    public static readonly QuotaLimits OfService = new()
    {
        OpenStreams = 3,
        WatchedUsers = 100,
        HeartbeatsPerSecond = 40,
        WritesPerSecond = 30,
        NewStreamsPerSecond = 20,
        RowsReadPerSecond = 200,
        ConcurrentReads = 4,
    };

    public static readonly QuotaLimits OfKey = OfService with { HeartbeatsPerSecond = 35 };

    public static readonly QuotaLimits OfUser = new()
    {
        OpenStreams = 2,
        WatchedUsers = 50,
        HeartbeatsPerSecond = 12,
        WritesPerSecond = 11,
        NewStreamsPerSecond = 10,
        RowsReadPerSecond = 100,
        ConcurrentReads = 2,
    };

    private readonly OwnMeters _meters = new();
    private readonly PresenceMetrics _metrics;

    public QuotaWorld()
    {
        _metrics = new PresenceMetrics(_meters);
        Limiter = new QuotaLimiter(OfService, OfKey, OfUser, _metrics, Time);
    }

    public FakeTimeProvider Time { get; } = new();

    public QuotaLimiter Limiter { get; }

    public UsageCounters Service => Limiter.OfServiceInstance(1);

    public OwnMeters Meters => _meters;

    public UsageCounters User(string identity, int service = 1) =>
        Limiter.OfEndUser(new ServiceSid((UInt128)service), World.Id(identity));

    /// <summary>Charges heartbeats until the limiter rejects one. Returns how many it charged.</summary>
    public int Heartbeats(UsageCounters service, UsageCounters? caller)
    {
        var charged = 0;
        while (Limiter.TryChargeHeartbeat(service, caller, out _))
            charged++;
        return charged;
    }

    public void Dispose()
    {
        _metrics.Dispose();
        _meters.Dispose();
    }
}
