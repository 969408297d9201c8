using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Webhooks;

namespace GrpcPresence.Core.Tests.Webhooks;

/// <summary>Tests deliveries while the server has no capacity to send events.</summary>
public sealed class DeferralTests
{
    [Fact]
    public async Task Deferred_events_are_sent_when_there_is_capacity_and_are_never_given_up()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerBy(delivery => delivery.User.Identity.ToString() == "ada" ? WebhookOutcome.Deferred : WebhookOutcome.Taken);
        await world.Core.Create(world.Service, "ada");
        await world.NextAsync();

        // Others are taken meanwhile, which would give up a failed event.
        for (var i = 0; i < 3 * Limits.WebhookTries; i++)
        {
            await world.Core.Create(world.Service, $"user{i}");
            await world.UntilAsync(() => world.Endpoint.Taken.Count > i, passTime: true);
            await world.UntilAsync(
                () => world.Endpoint.Tried.TryRead(out var tried) && tried.User.Identity.ToString() == "ada", passTime: true);
        }
        Assert.False(world.GivenUp.Reader.TryRead(out _));
        world.Endpoint.AnswerAll(WebhookOutcome.Taken);

        await world.UntilAsync(() => world.Endpoint.Taken.Any(taken => taken.User.Identity.ToString() == "ada"), passTime: true);
        Assert.Equal(WebhookEvents.UserAdded, world.Endpoint.Taken[^1].EventType);
    }

    [Fact]
    public async Task A_deferred_event_stops_the_start_of_others_until_a_pause_has_passed()
    {
        await using var world = await WebhookWorld.NewAsync();
        await world.StopAsync();
        for (var i = 0; i < 10 * Limits.WebhooksAtOnce; i++)
            await world.Core.Create(world.Service, $"user{i}");
        world.Endpoint.AnswerAll(WebhookOutcome.Deferred);

        await world.StartAsync();
        await world.PauseAsync();

        var tried = 0;
        while (world.Endpoint.Tried.TryRead(out _))
            tried++;
        Assert.InRange(tried, 1, 2 * Limits.WebhooksAtOnce);
        Assert.Equal(0, world.OpenCircuits);
    }

    [Fact]
    public async Task The_failures_of_one_service_instance_do_not_delay_the_events_of_another_with_the_same_URL()
    {
        await using var world = await WebhookWorld.NewAsync();
        var hostile = await world.Core.NewService();
        await world.SetAsync(hostile, WebhookWorld.Url, WebhookEvents.UserAdded);
        world.Endpoint.AnswerBy(delivery => delivery.User.Service == hostile.Sid ? WebhookOutcome.Failed : WebhookOutcome.Taken);
        for (var i = 0; i < Limits.WebhookFailuresToOpen; i++)
        {
            await world.Core.Create(hostile, $"user{i}");
            await world.NextAsync();
        }
        await world.UntilAsync(() => world.OpenCircuits == 1);

        await world.Core.Create(world.Service, "ada");

        Assert.Equal("ada", (await world.NextAsync()).User.Identity.ToString()); // without a pause
        Assert.Equal(1, world.OpenCircuits);
    }
}
