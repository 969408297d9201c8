using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;
using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Streams.Requests;
using GrpcPresence.Server.Tests.Fixture;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Server.Tests.Composition;

public sealed class LeaseTimerTests
{
    [Fact]
    public async Task Ticks_begin_with_the_start()
    {
        await using var server = await TestServer.StartAsync();
        var clock = new ObservedClock(new FakeTimeProvider());
        var ticks = clock.WhenTimerSet(due => due == Limits.Tick);
        using var service = new LeaseTimer(
            server.Get<PresenceTracker>(),
            server.Get<WatchHub>(),
            server.Get<ActiveStreams>(),
            server.Get<OpenRequests>(),
            server.Get<CommandQueue>(),
            server.Get<QuotaLimiter>(),
            server.Get<PresenceMetrics>(),
            clock);

        await service.StartAsync(TestRun.Token);

        Assert.True(ticks.IsCompleted, "The timer was not set when the service started.");
        await service.StopAsync(TestRun.Token);
    }
}
