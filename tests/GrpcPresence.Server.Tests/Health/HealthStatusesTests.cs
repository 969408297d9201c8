using GrpcPresence.Server.Health;
using GrpcPresence.Server.Tests.Fixture;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace GrpcPresence.Server.Tests.Health;

public sealed class HealthStatusesTests
{
    [Fact]
    public async Task Every_watch_sees_the_changes_in_one_order_however_many_set_them()
    {
        var statuses = new HealthStatuses();
        using var first = statuses.Subscribe(HealthStatuses.Storage);
        using var second = statuses.Subscribe(HealthStatuses.Storage);

        await Task.WhenAll(
            Task.Run(() => statuses.Set(HealthStatuses.Storage, ServingStatus.NotServing)),
            Task.Run(() => statuses.Set(HealthStatuses.Storage, ServingStatus.Serving)));
        statuses.Drain();

        Assert.Equal(await ReadAsync(first), await ReadAsync(second));
    }

    [Fact]
    public async Task A_watch_that_does_not_read_keeps_the_last_status()
    {
        var statuses = new HealthStatuses();
        using var subscription = statuses.Subscribe(HealthStatuses.Storage);
        for (var i = 0; i < 100; i++)
            statuses.Set(HealthStatuses.Storage, i % 2 == 0 ? ServingStatus.NotServing : ServingStatus.Serving);
        statuses.Drain();

        var seen = await ReadAsync(subscription);

        Assert.True(seen.Count < 100);
        Assert.Equal(ServingStatus.NotServing, seen[^1]);
    }

    [Fact]
    public async Task Nothing_serves_again_after_the_drain()
    {
        var statuses = new HealthStatuses();
        statuses.Drain();
        statuses.Set(HealthStatuses.Storage, ServingStatus.Serving);
        using var late = statuses.Subscribe(HealthStatuses.Storage);

        Assert.Equal([ServingStatus.NotServing], await ReadAsync(late));
        Assert.All(statuses.ToDictionary().Values, status => Assert.Equal(ServingStatus.NotServing, status));
    }

    [Fact]
    public async Task A_status_that_does_not_change_is_sent_once()
    {
        var statuses = new HealthStatuses();
        using var subscription = statuses.Subscribe(HealthStatuses.Storage);
        statuses.Set(HealthStatuses.Storage, ServingStatus.Serving);
        statuses.Set(HealthStatuses.Storage, ServingStatus.NotServing);
        statuses.Set(HealthStatuses.Storage, ServingStatus.NotServing);
        statuses.Drain();

        Assert.Equal([ServingStatus.Serving, ServingStatus.NotServing], await ReadAsync(subscription));
    }

    private static async Task<List<ServingStatus>> ReadAsync(HealthSubscription subscription)
    {
        var statuses = new List<ServingStatus>();
        await foreach (var status in subscription.ReadAllAsync(TestRun.Token))
            statuses.Add(status);
        return statuses;
    }
}
