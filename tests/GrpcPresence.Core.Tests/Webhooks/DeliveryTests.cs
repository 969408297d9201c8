using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Webhooks;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Webhooks;

/// <summary>Tests deliveries to an endpoint that works.</summary>
public sealed class DeliveryTests
{
    [Fact]
    public async Task A_user_that_comes_online_for_the_first_time_is_added_and_then_updated()
    {
        await using var world = await WebhookWorld.NewAsync();

        await world.Core.Online(world.Service, "ada");

        var added = await world.NextAsync();
        Assert.Equal((WebhookEvents.UserAdded, UpdateReasons.Created), (added.EventType, added.Reasons));
        var updated = await world.NextAsync();
        Assert.Equal((WebhookEvents.UserUpdated, UpdateReasons.ReachabilityOnline), (updated.EventType, updated.Reasons));
        Assert.Equal(("ada", true, WebhookWorld.Url), (updated.User.Identity.ToString(), updated.User.IsOnline, updated.Url));
    }

    [Fact]
    public async Task An_event_names_only_the_changes_since_the_last_one()
    {
        await using var world = await WebhookWorld.NewAsync();
        await world.Core.Online(world.Service, "ada");
        await world.DeliveredAsync();

        await world.Core.Rename(world.Service, "ada", "Ada");
        await world.DeliveredAsync();

        Assert.Equal(UpdateReasons.FriendlyName, world.Endpoint.Taken[^1].Reasons);
        Assert.Equal(3, world.Endpoint.Taken.Count);
    }

    [Fact]
    public async Task Changes_from_before_the_URL_was_set_are_not_sent()
    {
        await using var world = await WebhookWorld.NewAsync();
        var other = await world.Core.NewService();
        await world.Core.Create(other, "ada");
        await world.SetAsync(other, WebhookWorld.Url, WebhookEvents.UserAdded);

        await world.Core.Create(other, "bob");

        Assert.Equal("bob", (await world.NextAsync()).User.Identity.ToString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Settings_that_another_node_has_changed_are_applied_by_a_reload(bool hasLoop)
    {
        const string url = "https://example.com/elsewhere";
        await using var world = await WebhookWorld.NewAsync();
        var service = hasLoop ? world.Service : await world.Core.NewService();
        await world.SetElsewhereAsync(service, url, WebhookEvents.UserAdded);

        await world.ReloadAsync();
        await world.Core.Create(service, "ada");

        Assert.Equal(url, (await world.NextAsync()).Url);
    }

    [Fact]
    public async Task Only_events_in_the_filters_are_sent()
    {
        await using var world = await WebhookWorld.NewAsync(WebhookEvents.UserUpdated);

        await world.Core.Create(world.Service, "ada");
        await world.Core.Rename(world.Service, "ada", "Ada");
        await world.DeliveredAsync();
        await world.SetAsync(WebhookWorld.Url, WebhookEvents.UserAdded);
        await world.Core.Rename(world.Service, "ada", "Countess");
        await world.Core.Create(world.Service, "bob");
        await world.DeliveredAsync();

        Assert.Equal(
            [("ada", WebhookEvents.UserUpdated), ("bob", WebhookEvents.UserAdded)],
            world.Endpoint.Taken.Select(taken => (taken.User.Identity.ToString(), taken.EventType)).Distinct());
    }

    [Fact]
    public async Task An_edit_that_skips_webhooks_sends_no_event()
    {
        await using var world = await WebhookWorld.NewAsync();
        await world.Core.Create(world.Service, "ada");
        await world.DeliveredAsync();

        await world.RenameQuietly("ada", "Ada");
        await world.Core.Create(world.Service, "bob");
        await world.DeliveredAsync();

        Assert.Equal(["ada", "bob"], world.Endpoint.Taken.Select(taken => taken.User.Identity.ToString()));
    }

    [Fact]
    public async Task A_deletion_sends_no_event_and_delays_no_other()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerBy(delivery => delivery.User.Identity.ToString() == "ada" ? WebhookOutcome.Failed : WebhookOutcome.Taken);
        await world.Core.Create(world.Service, "ada");
        await world.NextAsync();

        await world.Core.Delete(world.Service, "ada");
        await world.Core.Create(world.Service, "bob");
        await world.DeliveredAsync();

        Assert.Equal("bob", Assert.Single(world.Endpoint.Taken).User.Identity.ToString());
    }

    [Fact]
    public async Task Events_of_one_user_keep_their_order()
    {
        await using var world = await WebhookWorld.NewAsync();
        var release = new TaskCompletionSource<WebhookOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        world.Endpoint.Answer = (_, _) => release.Task;
        await world.Core.Create(world.Service, "ada");
        await world.NextAsync();

        await world.Core.Rename(world.Service, "ada", "Ada");
        await world.Core.Rename(world.Service, "ada", "Countess");
        Assert.Equal(0, world.Endpoint.Tried.Count);
        world.Endpoint.AnswerAll(WebhookOutcome.Taken);
        release.SetResult(WebhookOutcome.Taken);
        await world.DeliveredAsync();

        Assert.Equal(
            [(WebhookEvents.UserAdded, ""), (WebhookEvents.UserUpdated, "Countess")],
            world.Endpoint.Taken.Select(taken => (taken.EventType, taken.User.Record!.FriendlyName)));
    }

    [Fact]
    public async Task A_failed_event_is_delivered_before_the_events_after_it()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerBy(delivery => delivery.EventType == WebhookEvents.UserAdded ? WebhookOutcome.Failed : WebhookOutcome.Taken);
        await world.Core.Online(world.Service, "ada");
        await world.NextAsync();
        await world.Core.Rename(world.Service, "ada", "Ada");
        await world.PauseAsync();
        Assert.Empty(world.Endpoint.Taken);

        world.Endpoint.AnswerAll(WebhookOutcome.Taken);
        world.Core.Time.Advance(Limits.MaxWebhookBackoff);
        await world.DeliveredAsync();

        Assert.Equal([WebhookEvents.UserAdded, WebhookEvents.UserUpdated], world.Endpoint.Taken.Select(taken => taken.EventType));
        Assert.Equal(UpdateReasons.ReachabilityOnline | UpdateReasons.FriendlyName, world.Endpoint.Taken[1].Reasons);
    }

    [Fact]
    public async Task A_delivered_creation_is_not_sent_again_when_the_update_after_it_failed()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerBy(delivery => delivery.EventType == WebhookEvents.UserUpdated ? WebhookOutcome.Failed : WebhookOutcome.Taken);
        await world.Core.Online(world.Service, "ada");
        await world.NextAsync();
        await world.NextAsync();

        world.Endpoint.AnswerAll(WebhookOutcome.Taken);
        await world.DeliveredAsync();

        Assert.Equal([WebhookEvents.UserAdded, WebhookEvents.UserUpdated], world.Endpoint.Taken.Select(taken => taken.EventType));
    }

    [Fact]
    public async Task The_number_of_concurrent_requests_is_limited()
    {
        await using var world = await WebhookWorld.NewAsync();
        await world.StopAsync();
        for (var i = 0; i < 3 * Limits.WebhooksAtOnce; i++)
            await world.Core.Create(world.Service, $"user{i}");
        var release = new TaskCompletionSource<WebhookOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        world.Endpoint.Answer = (_, _) => release.Task;

        await world.StartAsync();
        for (var i = 0; i < Limits.WebhooksAtOnce; i++)
            await world.NextAsync();
        release.SetResult(WebhookOutcome.Taken);
        await world.DeliveredAsync();

        Assert.Equal(Limits.WebhooksAtOnce, world.Endpoint.MostAtOnce);
        Assert.Equal(3 * Limits.WebhooksAtOnce, world.Endpoint.Taken.Count);
    }

    [Fact]
    public async Task Without_a_URL_no_event_is_sent_and_another_URL_continues_where_the_last_one_stopped()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerAll(WebhookOutcome.Failed);
        await world.Core.Create(world.Service, "ada");
        await world.NextAsync();
        world.Endpoint.AnswerAll(WebhookOutcome.Taken);
        await world.SetAsync("https://example.com/other");
        await world.DeliveredAsync();
        Assert.Equal("https://example.com/other", Assert.Single(world.Endpoint.Taken).Url);

        await world.SetAsync("");
        await world.Core.Create(world.Service, "bob");
        await world.SetAsync(WebhookWorld.Url);
        await world.Core.Create(world.Service, "cay");
        await world.DeliveredAsync();

        Assert.Equal("cay", world.Endpoint.Taken[^1].User.Identity.ToString());
        Assert.Equal(2, world.Endpoint.Taken.Count);
    }

    [Fact]
    public async Task A_loop_without_a_URL_sleeps_even_when_a_commit_woke_it_meanwhile()
    {
        await using var world = await WebhookWorld.NewAsync();
        var release = await HoldAsync(world); // a full page, after which the loop does not sleep

        await world.SetAsync("");
        release.SetResult(WebhookOutcome.Taken);

        await world.SleepAsync();
    }

    [Fact]
    public async Task No_request_starts_at_a_URL_that_was_replaced()
    {
        await using var world = await WebhookWorld.NewAsync();
        var release = await HoldAsync(world);

        await world.SetAsync("https://example.com/other");
        release.SetResult(WebhookOutcome.Taken);
        await world.DeliveredAsync();

        Assert.Equal(Limits.WebhooksAtOnce, world.Endpoint.Taken.Count(taken => taken.Url == WebhookWorld.Url));
        Assert.Equal(Limits.WebhookPageSize, world.Endpoint.Taken.Count);
    }

    [Fact]
    public async Task No_request_starts_for_a_deleted_service_instance()
    {
        await using var world = await WebhookWorld.NewAsync();
        var release = await HoldAsync(world);

        await world.Core.Queue.SubmitAsync(new DeleteServiceInstance(world.Service.Sid));
        release.SetResult(WebhookOutcome.Taken);
        await world.Core.Queue.SubmitAsync(new CreateServiceInstance(world.Service.Sid, "again"));
        await world.SetAsync(WebhookWorld.Url, WebhookEvents.UserAdded);
        await world.Core.Create(world.Service, "bob");
        await world.DeliveredAsync();

        Assert.Equal(Limits.WebhooksAtOnce + 1, world.Endpoint.Taken.Count);
    }

    [Fact]
    public async Task A_change_after_a_filter_was_added_is_sent_even_when_a_pass_had_read_the_old_settings()
    {
        await using var world = await WebhookWorld.NewAsync(WebhookEvents.UserUpdated);
        world.Core.Store.Faults.StallAllReads(after: 0);
        await world.Core.Create(world.Service, "ada");
        SpinWait.SpinUntil(() => world.Core.Store.Faults.AreReadsHanging); // the pass is reading the settings

        await world.SetAsync(WebhookWorld.Url, WebhookEvents.UserAdded);
        await world.Core.Create(world.Service, "bob");
        world.Core.Store.Faults.Clear();
        await world.DeliveredAsync();

        Assert.Contains("bob", world.Endpoint.Taken.Select(taken => taken.User.Identity.ToString()));
    }

    [Fact]
    public async Task A_change_after_the_URL_was_replaced_goes_to_the_new_URL_even_when_a_pass_had_read_the_old_settings()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Core.Store.Faults.StallAllReads(after: 0);
        await world.Core.Create(world.Service, "ada");
        SpinWait.SpinUntil(() => world.Core.Store.Faults.AreReadsHanging); // the pass is reading the settings

        await world.SetAsync("https://example.com/other");
        await world.Core.Create(world.Service, "bob");
        world.Core.Store.Faults.Clear();
        await world.DeliveredAsync();

        Assert.Equal("https://example.com/other", world.Endpoint.Taken.Single(taken => taken.User.Identity.ToString() == "bob").Url);
    }

    [Fact]
    public async Task Events_that_failed_before_the_URL_was_removed_are_not_sent_when_it_is_set_again_at_once()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerAll(WebhookOutcome.Failed);
        await world.Core.Create(world.Service, "ada");
        await world.PauseAsync();

        foreach (var url in new[] { "", WebhookWorld.Url }) // before the loop reads the settings
            await world.Core.Queue.SubmitAsync(new UpdateWebhookSettings(world.Service.Sid, before => before with { PostUrl = url }));
        world.Endpoint.AnswerAll(WebhookOutcome.Taken);
        await world.Core.Create(world.Service, "bob");
        await world.DeliveredAsync();
        await world.UntilAsync(() => world.Endpoint.Taken.Count > 0);

        Assert.Equal(["bob"], world.Endpoint.Taken.Select(taken => taken.User.Identity.ToString()));
    }

    [Fact]
    public async Task A_service_instance_that_reuses_the_SID_of_a_deleted_one_starts_without_its_progress()
    {
        await using var world = await WebhookWorld.NewAsync();
        await world.Core.Create(world.Service, "ada");
        await world.DeliveredAsync();

        await world.Core.Queue.SubmitAsync(new DeleteServiceInstance(world.Service.Sid));
        await world.Core.Queue.SubmitAsync(new CreateServiceInstance(world.Service.Sid, "again"));
        await world.SetAsync(WebhookWorld.Url, WebhookEvents.UserAdded);
        await world.Core.Create(world.Service, "bob");
        await world.DeliveredAsync();

        Assert.Equal(["ada", "bob"], world.Endpoint.Taken.Select(taken => taken.User.Identity.ToString()));
    }

    /// <summary>Starts a full page of users; the concurrent requests hang until the result is set.</summary>
    private static async Task<TaskCompletionSource<WebhookOutcome>> HoldAsync(WebhookWorld world)
    {
        await world.StopAsync();
        for (var i = 0; i < Limits.WebhookPageSize; i++)
            await world.Core.Create(world.Service, $"user{i}");
        var release = new TaskCompletionSource<WebhookOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        world.Endpoint.Answer = (_, _) => release.Task;
        await world.StartAsync();
        for (var i = 0; i < Limits.WebhooksAtOnce; i++)
            await world.NextAsync();
        return release;
    }
}
