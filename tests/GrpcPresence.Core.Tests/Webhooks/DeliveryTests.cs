using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Webhooks;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Webhooks;

/// <summary>What a receiver is told while it lives.</summary>
public sealed class DeliveryTests
{
    [Fact]
    public async Task A_user_who_comes_for_the_first_time_is_added_and_then_updated()
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
    public async Task Only_what_changed_since_is_told()
    {
        await using var world = await WebhookWorld.NewAsync();
        await world.Core.Online(world.Service, "ada");
        await world.ToldAsync();

        await world.Core.Rename(world.Service, "ada", "Ada");
        await world.ToldAsync();

        Assert.Equal(UpdateReasons.FriendlyName, world.Endpoint.Taken[^1].Reasons);
        Assert.Equal(3, world.Endpoint.Taken.Count);
    }

    [Fact]
    public async Task What_came_before_the_URL_was_set_is_not_told()
    {
        await using var world = await WebhookWorld.NewAsync();
        var other = await world.Core.NewService();
        await world.Core.Create(other, "ada");
        await world.SetAsync(other, WebhookWorld.Url, WebhookEvents.UserAdded);

        await world.Core.Create(other, "bob");

        Assert.Equal("bob", (await world.NextAsync()).User.Identity.ToString());
    }

    [Fact]
    public async Task Only_the_events_of_the_filters_are_told()
    {
        await using var world = await WebhookWorld.NewAsync(WebhookEvents.UserUpdated);

        await world.Core.Create(world.Service, "ada");
        await world.Core.Rename(world.Service, "ada", "Ada");
        await world.ToldAsync();
        await world.SetAsync(WebhookWorld.Url, WebhookEvents.UserAdded);
        await world.Core.Rename(world.Service, "ada", "Countess");
        await world.Core.Create(world.Service, "bob");
        await world.ToldAsync();

        Assert.Equal(
            [("ada", WebhookEvents.UserUpdated), ("bob", WebhookEvents.UserAdded)],
            world.Endpoint.Taken.Select(taken => (taken.User.Identity.ToString(), taken.EventType)).Distinct());
    }

    [Fact]
    public async Task A_quiet_edit_tells_nothing()
    {
        await using var world = await WebhookWorld.NewAsync();
        await world.Core.Create(world.Service, "ada");
        await world.ToldAsync();

        await world.RenameQuietly("ada", "Ada");
        await world.Core.Create(world.Service, "bob");
        await world.ToldAsync();

        Assert.Equal(["ada", "bob"], world.Endpoint.Taken.Select(taken => taken.User.Identity.ToString()));
    }

    [Fact]
    public async Task A_deletion_tells_nothing_and_holds_nothing_up()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerBy(delivery => delivery.User.Identity.ToString() == "ada" ? WebhookOutcome.Failed : WebhookOutcome.Taken);
        await world.Core.Create(world.Service, "ada");
        await world.NextAsync();

        await world.Core.Delete(world.Service, "ada");
        await world.Core.Create(world.Service, "bob");
        await world.ToldAsync();

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
        await world.ToldAsync();

        Assert.Equal(
            [(WebhookEvents.UserAdded, ""), (WebhookEvents.UserUpdated, "Countess")],
            world.Endpoint.Taken.Select(taken => (taken.EventType, taken.User.Record!.FriendlyName)));
    }

    [Fact]
    public async Task What_failed_is_told_before_what_came_after_it()
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
        await world.ToldAsync();

        Assert.Equal([WebhookEvents.UserAdded, WebhookEvents.UserUpdated], world.Endpoint.Taken.Select(taken => taken.EventType));
        Assert.Equal(UpdateReasons.ReachabilityOnline | UpdateReasons.FriendlyName, world.Endpoint.Taken[1].Reasons);
    }

    [Fact]
    public async Task A_creation_that_was_told_is_not_told_again_when_what_came_with_it_failed()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerBy(delivery => delivery.EventType == WebhookEvents.UserUpdated ? WebhookOutcome.Failed : WebhookOutcome.Taken);
        await world.Core.Online(world.Service, "ada");
        await world.NextAsync();
        await world.NextAsync();

        world.Endpoint.AnswerAll(WebhookOutcome.Taken);
        await world.ToldAsync();

        Assert.Equal([WebhookEvents.UserAdded, WebhookEvents.UserUpdated], world.Endpoint.Taken.Select(taken => taken.EventType));
    }

    [Fact]
    public async Task Only_so_many_users_are_told_of_at_the_same_time()
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
        await world.ToldAsync();

        Assert.Equal(Limits.WebhooksAtOnce, world.Endpoint.MostAtOnce);
        Assert.Equal(3 * Limits.WebhooksAtOnce, world.Endpoint.Taken.Count);
    }

    [Fact]
    public async Task Without_a_URL_nothing_is_told_and_with_another_it_goes_on_where_the_one_before_stopped()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerAll(WebhookOutcome.Failed);
        await world.Core.Create(world.Service, "ada");
        await world.NextAsync();
        world.Endpoint.AnswerAll(WebhookOutcome.Taken);
        await world.SetAsync("https://example.com/other");
        await world.ToldAsync();
        Assert.Equal("https://example.com/other", Assert.Single(world.Endpoint.Taken).Url);

        await world.SetAsync("");
        await world.Core.Create(world.Service, "bob");
        await world.SetAsync(WebhookWorld.Url);
        await world.Core.Create(world.Service, "cay");
        await world.ToldAsync();

        Assert.Equal("cay", world.Endpoint.Taken[^1].User.Identity.ToString());
        Assert.Equal(2, world.Endpoint.Taken.Count);
    }

    [Fact]
    public async Task Who_has_nobody_to_tell_any_more_rests_also_when_a_commit_came_meanwhile()
    {
        await using var world = await WebhookWorld.NewAsync();
        var release = await HoldAsync(world); // a full page, after which there is no pause

        await world.SetAsync("");
        release.SetResult(WebhookOutcome.Taken);

        await world.SleepAsync();
    }

    [Fact]
    public async Task Nothing_more_is_begun_at_a_URL_that_is_not_in_force_any_more()
    {
        await using var world = await WebhookWorld.NewAsync();
        var release = await HoldAsync(world);

        await world.SetAsync("https://example.com/other");
        release.SetResult(WebhookOutcome.Taken);
        await world.ToldAsync();

        Assert.Equal(Limits.WebhooksAtOnce, world.Endpoint.Taken.Count(taken => taken.Url == WebhookWorld.Url));
        Assert.Equal(Limits.WebhookPageSize, world.Endpoint.Taken.Count);
    }

    [Fact]
    public async Task Nothing_more_is_begun_of_a_service_instance_that_is_deleted()
    {
        await using var world = await WebhookWorld.NewAsync();
        var release = await HoldAsync(world);

        await world.Core.Queue.SubmitAsync(new DeleteServiceInstance(world.Service.Sid));
        release.SetResult(WebhookOutcome.Taken);
        await world.Core.Queue.SubmitAsync(new CreateServiceInstance(world.Service.Sid, "again"));
        await world.SetAsync(WebhookWorld.Url, WebhookEvents.UserAdded);
        await world.Core.Create(world.Service, "bob");
        await world.ToldAsync();

        Assert.Equal(Limits.WebhooksAtOnce + 1, world.Endpoint.Taken.Count);
    }

    [Fact]
    public async Task What_comes_after_an_event_was_named_is_told_also_when_the_settings_had_been_read_before()
    {
        await using var world = await WebhookWorld.NewAsync(WebhookEvents.UserUpdated);
        world.Core.Store.Faults.StallAllReads(after: 0);
        await world.Core.Create(world.Service, "ada");
        SpinWait.SpinUntil(() => world.Core.Store.Faults.AreReadsHanging); // the settings are read

        await world.SetAsync(WebhookWorld.Url, WebhookEvents.UserAdded);
        await world.Core.Create(world.Service, "bob");
        world.Core.Store.Faults.Clear();
        await world.ToldAsync();

        Assert.Contains("bob", world.Endpoint.Taken.Select(taken => taken.User.Identity.ToString()));
    }

    [Fact]
    public async Task What_comes_after_another_URL_was_set_is_told_there_also_when_the_settings_had_been_read_before()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Core.Store.Faults.StallAllReads(after: 0);
        await world.Core.Create(world.Service, "ada");
        SpinWait.SpinUntil(() => world.Core.Store.Faults.AreReadsHanging); // the settings are read

        await world.SetAsync("https://example.com/other");
        await world.Core.Create(world.Service, "bob");
        world.Core.Store.Faults.Clear();
        await world.ToldAsync();

        Assert.Equal("https://example.com/other", world.Endpoint.Taken.Single(taken => taken.User.Identity.ToString() == "bob").Url);
    }

    [Fact]
    public async Task What_failed_before_the_URL_was_taken_away_is_not_told_when_it_is_set_again_at_once()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerAll(WebhookOutcome.Failed);
        await world.Core.Create(world.Service, "ada");
        await world.PauseAsync();

        foreach (var url in new[] { "", WebhookWorld.Url }) // before the loop looks
            await world.Core.Queue.SubmitAsync(new UpdateWebhookSettings(world.Service.Sid, before => before with { PostUrl = url }));
        world.Endpoint.AnswerAll(WebhookOutcome.Taken);
        await world.Core.Create(world.Service, "bob");
        await world.ToldAsync();
        await world.UntilAsync(() => world.Endpoint.Taken.Count > 0);

        Assert.Equal(["bob"], world.Endpoint.Taken.Select(taken => taken.User.Identity.ToString()));
    }

    [Fact]
    public async Task A_service_instance_that_takes_the_SID_of_a_deleted_one_begins_anew()
    {
        await using var world = await WebhookWorld.NewAsync();
        await world.Core.Create(world.Service, "ada");
        await world.ToldAsync();

        await world.Core.Queue.SubmitAsync(new DeleteServiceInstance(world.Service.Sid));
        await world.Core.Queue.SubmitAsync(new CreateServiceInstance(world.Service.Sid, "again"));
        await world.SetAsync(WebhookWorld.Url, WebhookEvents.UserAdded);
        await world.Core.Create(world.Service, "bob");
        await world.ToldAsync();

        Assert.Equal(["ada", "bob"], world.Endpoint.Taken.Select(taken => taken.User.Identity.ToString()));
    }

    /// <summary>A full page of users, and as many tries as there are at the same time, which go on when the result is set.</summary>
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
