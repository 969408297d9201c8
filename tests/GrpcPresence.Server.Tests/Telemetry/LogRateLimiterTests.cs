using System.Diagnostics.Metrics;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Server.Telemetry;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Server.Tests.Telemetry;

/// <summary>The limits of log entries that tenants cause.</summary>
public sealed class LogRateLimiterTests : IDisposable
{
    private const int PerTenant = 3;
    private const int Total = 10;

    private readonly FakeTimeProvider _time = new();
    private readonly PresenceMetrics _metrics = new();
    private readonly LogRateLimiter<string> _limiter;

    public LogRateLimiterTests() => _limiter = new LogRateLimiter<string>("test", PerTenant, Total, _metrics, _time);

    public void Dispose() => _metrics.Dispose();

    [Fact]
    public void A_tenant_has_a_limit_for_each_minute()
    {
        Assert.Equal(PerTenant, Enumerable.Range(0, 100).Count(_ => _limiter.TryAcquire("a")));
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.False(_limiter.TryAcquire("a"));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(_limiter.TryAcquire("a"));
    }

    [Fact]
    public void Tenants_with_many_entries_leave_the_first_entry_to_each_of_the_others()
    {
        foreach (var hostile in new[] { "a", "b", "c" })
        {
            while (_limiter.TryAcquire(hostile))
            {
                // The tenant takes as much as it can.
            }
        }
        Assert.True(_limiter.TryAcquire("d"));
        Assert.True(_limiter.TryAcquire("e"));
    }

    [Fact]
    public void All_tenants_together_have_a_limit_for_each_minute() =>
        Assert.Equal(Total, Enumerable.Range(0, 100).Count(tenant => _limiter.TryAcquire($"{tenant}")));

    [Fact]
    public void Suppressed_entries_are_counted()
    {
        var suppressed = 0L;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, owner) =>
        {
            if (instrument.Name == "presence.log.suppressed_entries")
                owner.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, count, tags, _) =>
        {
            if (tags.Contains(new KeyValuePair<string, object?>("presence.log.kind", "test")))
                suppressed += count;
        });
        listener.Start();

        for (var i = 0; i < PerTenant + 5; i++)
            _limiter.TryAcquire("a");

        Assert.Equal(5, suppressed);
    }
}
