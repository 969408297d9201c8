using GrpcPresence.Core.Changes;
using GrpcPresence.Core.Limits;
using GrpcPresence.Core.Metrics;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Watching;
using GrpcPresence.Server.Access;
using GrpcPresence.Server.Hosting;
using GrpcPresence.Server.Tests.Fixture;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Server.Tests.Hosting;

public sealed class TickServiceTests
{
    [Fact]
    public async Task Ticks_begin_with_the_start()
    {
        await using var server = await TestServer.StartAsync();
        var clock = new ObservedClock(new FakeTimeProvider());
        var ticks = clock.WhenTimerSet(due => due == Bounds.Tick);
        using var service = new TickService(
            server.Get<PresenceTracker>(),
            server.Get<WatchHub>(),
            server.Get<OpenCalls>(),
            server.Get<ChangeQueue>(),
            server.Get<QuotaBook>(),
            server.Get<PresenceMetrics>(),
            clock);

        await service.StartAsync(TestRun.Token);

        Assert.True(ticks.IsCompleted, "The timer is not set yet.");
        await service.StopAsync(TestRun.Token);
    }
}
