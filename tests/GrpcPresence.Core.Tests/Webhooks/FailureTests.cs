using System.Collections.Concurrent;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Webhooks;

namespace GrpcPresence.Core.Tests.Webhooks;

/// <summary>Tests deliveries to an endpoint that fails or was down, and deliveries after a restart of the server.</summary>
public sealed class FailureTests
{
    [Fact]
    public async Task A_restart_loses_nothing()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerBy(delivery => delivery.User.Identity.ToString() == "ada" ? WebhookOutcome.Failed : WebhookOutcome.Taken);
        await world.Core.Create(world.Service, "ada");
        await world.NextAsync();
        await world.Core.Create(world.Service, "bob");
        await world.NextAsync();
        await world.Core.Online(world.Service, "ada"); // moves the row above everything that was delivered

        await world.UntilAsync(() => world.Endpoint.Taken.Count == 1);
        await world.StopAsync();
        world.Endpoint.AnswerAll(WebhookOutcome.Taken);
        await world.StartAsync();
        await world.DeliveredAsync();

        Assert.Equal(
            [(WebhookEvents.UserAdded, UpdateReasons.Created), (WebhookEvents.UserUpdated, UpdateReasons.ReachabilityOnline)],
            TakenOf(world, "ada"));
    }

    [Fact]
    public async Task A_restart_in_the_middle_of_a_scan_loses_no_event_of_users_above_the_cursor()
    {
        await using var world = await WebhookWorld.NewAsync();
        await world.StopAsync();
        await world.Core.Create(world.Service, "ada");
        for (var i = 0; i < Limits.WebhookPageSize; i++)
            await world.Core.Create(world.Service, $"user{i}");
        await world.Core.Online(world.Service, "ada"); // the row is now in the second page, but its creation is below the end of the first

        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        world.Endpoint.Answer = async (delivery, cancelled) =>
        {
            if (delivery.User.Identity.ToString() != "ada")
                return WebhookOutcome.Taken;
            reached.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancelled);
            return WebhookOutcome.Failed;
        };
        await world.StartAsync();
        await reached.Task.WaitAsync(TimeSpan.FromSeconds(10));
        await world.StopAsync();
        world.Endpoint.AnswerAll(WebhookOutcome.Taken);
        await world.StartAsync();
        await world.DeliveredAsync();

        Assert.Equal(
            [(WebhookEvents.UserAdded, UpdateReasons.Created), (WebhookEvents.UserUpdated, UpdateReasons.ReachabilityOnline)],
            TakenOf(world, "ada"));
    }

    [Fact]
    public async Task A_restart_repeats_no_event_below_the_stored_position()
    {
        await using var world = await WebhookWorld.NewAsync();
        await world.Core.Create(world.Service, "ada");
        await world.DeliveredAsync();

        await world.RestartAsync();
        await world.Core.Create(world.Service, "bob");
        await world.DeliveredAsync();

        Assert.Equal(["ada", "bob"], world.Endpoint.Taken.Select(taken => taken.User.Identity.ToString()));
    }

    [Fact]
    public async Task An_endpoint_that_was_down_misses_no_user_and_receives_the_newest_state_once()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerAll(WebhookOutcome.Failed);
        for (var i = 0; i < 20; i++)
            await world.Core.Online(world.Service, $"user{i}");
        await world.UntilAsync(() => world.OpenCircuits == 1);

        // While one trial hangs, no other user is read or sent. Changes made now are sent afterwards, once.
        var trial = new TaskCompletionSource<WebhookOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        world.Endpoint.Answer = (_, stop) =>
        {
            begun.TrySetResult();
            return trial.Task.WaitAsync(stop);
        };
        world.Core.Time.Advance(Limits.MaxWebhookBackoff);
        await begun.Task.WaitAsync(TimeSpan.FromSeconds(10));
        for (var day = 0; day < 3; day++)
        {
            for (var i = 0; i < 20; i++)
                await world.Core.Rename(world.Service, $"user{i}", $"name{day}");
            world.Core.Time.Advance(TimeSpan.FromDays(1));
        }
        world.Endpoint.AnswerAll(WebhookOutcome.Taken);
        trial.SetResult(WebhookOutcome.Failed);
        await world.DeliveredAsync();

        Assert.False(world.GivenUp.Reader.TryRead(out _));
        Assert.Equal(2 * 20, world.Endpoint.Taken.Count);
        foreach (var user in world.Endpoint.Taken.GroupBy(taken => taken.User.Identity))
        {
            Assert.Equal([WebhookEvents.UserAdded, WebhookEvents.UserUpdated], user.Select(taken => taken.EventType));
            Assert.Equal(UpdateReasons.ReachabilityOnline | UpdateReasons.FriendlyName, user.Last().Reasons);
            Assert.Equal("name2", user.Last().User.Record!.FriendlyName);
        }
    }

    [Fact]
    public async Task One_bad_event_does_not_hold_up_the_others()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerBy(delivery => delivery.User.Identity.ToString() == "bad" ? WebhookOutcome.Failed : WebhookOutcome.Taken);

        await world.Core.Create(world.Service, "bad");
        await world.Core.Create(world.Service, "ada");
        await world.Core.Create(world.Service, "bob");
        await world.UntilAsync(() => world.Endpoint.Taken.Count == 2);

        Assert.Equal(["ada", "bob"], world.Endpoint.Taken.Select(taken => taken.User.Identity.ToString()).Order());
        Assert.Equal(0, world.OpenCircuits);
    }

    [Fact]
    public async Task A_bad_event_is_given_up_after_ten_attempts_while_the_endpoint_takes_others()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerBy(delivery => delivery.User.Identity.ToString() == "bad" ? WebhookOutcome.Failed : WebhookOutcome.Taken);
        var bad = await world.Core.Create(world.Service, "bad");
        UserSid givenUp;
        var others = 0;
        for (; !world.GivenUp.Reader.TryRead(out givenUp); others++)
        {
            await world.Core.Create(world.Service, $"user{others}");
            await world.UntilAsync(() => world.Endpoint.Taken.Count > others);
            while (world.Endpoint.Tried.TryRead(out _))
            {
                // This attempt came before the endpoint took the other event, or just after it. If it did not count, the next one does.
            }
            await world.UntilAsync(() => world.GivenUp.Reader.Count > 0 || IsTriedAgain(), passTime: true);
        }

        // The first attempt counts, then one for each event taken in between. The test sees the last attempt before its outcome.
        Assert.Equal(bad.Sid, givenUp);
        Assert.InRange(others, Limits.WebhookTries - 1, Limits.WebhookTries);

        bool IsTriedAgain() => world.Endpoint.Tried.TryRead(out var delivery) && delivery.User.Sid == bad.Sid;
    }

    [Fact]
    public async Task A_bad_event_alone_is_never_given_up_because_the_endpoint_may_be_down()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerAll(WebhookOutcome.Failed);
        await world.Core.Create(world.Service, "ada");

        for (var i = 0; i < 3 * Limits.WebhookTries; i++)
            await world.NextAfterPauseAsync();
        world.Endpoint.AnswerAll(WebhookOutcome.Taken);
        await world.DeliveredAsync();

        Assert.Single(world.Endpoint.Taken);
        Assert.False(world.GivenUp.Reader.TryRead(out _));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(Limits.WebhookFailuresToOpen)]
    public async Task A_dead_endpoint_is_called_less_often_with_each_failure(int users)
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerAll(WebhookOutcome.Failed);
        for (var i = 0; i < users; i++)
        {
            await world.Core.Create(world.Service, $"user{i}");
            await world.NextAsync();
        }
        await world.PauseAsync();

        // The delay doubles up to its maximum. With an open breaker, each attempt is its trial request, for which a user must be due too.
        var least = Limits.MinWebhookBackoff;
        for (var attempt = 0; attempt < 15; attempt++)
        {
            var before = world.Core.Time.GetTimestamp();
            await world.NextAfterPauseAsync();
            Assert.InRange(
                world.Core.Time.GetElapsedTime(before), least * (1 - Limits.WebhookBackoffJitter), 2 * Limits.MaxWebhookBackoff);
            least = least * 2 < Limits.MaxWebhookBackoff ? least * 2 : Limits.MaxWebhookBackoff;
        }
    }

    [Fact]
    public async Task A_rejected_event_is_not_sent_again()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerAll(WebhookOutcome.Refused);

        await world.Core.Online(world.Service, "ada");
        await world.DeliveredAsync();

        Assert.Equal(WebhookEvents.UserAdded, (await world.NextAsync()).EventType);
        Assert.Equal(WebhookEvents.UserUpdated, (await world.NextAsync()).EventType);
        Assert.Equal(0, world.Endpoint.Tried.Count);
    }

    [Fact]
    public async Task The_breaker_opens_after_five_users_in_a_row_and_the_first_success_closes_it()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerAll(WebhookOutcome.Failed);
        for (var i = 0; i < Limits.WebhookFailuresToOpen; i++)
        {
            Assert.Equal(0, world.OpenCircuits);
            await world.Core.Create(world.Service, $"user{i}");
            await world.NextAsync();
        }
        await world.UntilAsync(() => world.OpenCircuits == 1);

        await world.Core.Create(world.Service, "ada");
        await world.PauseAsync();
        world.Endpoint.AnswerAll(WebhookOutcome.Taken);
        await world.UntilAsync(() => world.Endpoint.Taken.Count == Limits.WebhookFailuresToOpen + 1, passTime: true);

        Assert.Equal(0, world.OpenCircuits);
        Assert.Equal(Limits.WebhookFailuresToOpen + 1, world.Endpoint.Tried.Count); // no request was sent while it was open
    }

    [Fact]
    public async Task Attempts_are_counted_by_outcome_and_the_lag_shows_how_far_the_endpoint_is_behind()
    {
        await using var world = await WebhookWorld.NewAsync();
        var counted = new ConcurrentQueue<string>();
        using var listener = world.Meters.Listen<long>("presence.webhook.deliveries", (_, outcome) => counted.Enqueue(outcome));
        world.Endpoint.AnswerAll(WebhookOutcome.Failed);
        await world.Core.Online(world.Service, "ada");
        await world.PauseAsync();
        Assert.Equal(1, world.Lag);

        world.Endpoint.AnswerBy(delivery => delivery.EventType == WebhookEvents.UserAdded ? WebhookOutcome.Taken : WebhookOutcome.Refused);
        await world.DeliveredAsync();

        Assert.Equal(["failed", "taken", "refused"], counted);
        Assert.Equal(0, world.Lag);
    }

    [Fact]
    public async Task The_lag_is_known_after_a_restart_before_the_first_commit()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerAll(WebhookOutcome.Failed);
        await world.Core.Create(world.Service, "ada");
        await world.PauseAsync();

        await world.RestartAsync();
        await world.PauseAsync();

        Assert.Equal(1, world.Lag);
    }

    [Fact]
    public async Task While_the_breaker_is_open_a_commit_does_not_read_the_changes()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Endpoint.AnswerAll(WebhookOutcome.Failed);
        for (var i = 0; i < Limits.WebhookFailuresToOpen; i++)
            await world.Core.Create(world.Service, $"user{i}");
        await world.UntilAsync(() => world.OpenCircuits == 1);
        await world.PauseAsync(); // the pass that opened it has ended

        const int Commits = 10;
        var before = world.Core.Store.Faults.Reads;
        for (var i = 0; i < Commits; i++)
        {
            await world.RenameQuietly("user0", $"name{i}");
            await world.SleepAsync();
        }

        // Each pass reads the settings, which may have another URL. One pass may cover two commits.
        Assert.InRange(world.Core.Store.Faults.Reads - before, 1, Commits);
    }

    [Fact]
    public async Task A_store_that_cannot_be_read_is_read_again()
    {
        await using var world = await WebhookWorld.NewAsync();
        world.Core.Store.Faults.FailReads(true);
        await world.Core.Create(world.Service, "ada");
        await world.PauseAsync();

        world.Core.Store.Faults.FailReads(false);

        Assert.Equal("ada", (await world.NextAfterPauseAsync()).User.Identity.ToString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_store_that_keeps_failing_is_read_less_often_until_it_works(bool isBug)
    {
        await using var world = await WebhookWorld.NewAsync();
        var faults = world.Core.Store.Faults;
        Break();
        await world.Core.Create(world.Service, "ada");
        await world.PauseAsync();
        var least = Limits.MinWebhookBackoff;
        for (var attempt = 0; attempt < 12; attempt++)
        {
            Assert.InRange(await NextReadAsync(), least * (1 - Limits.WebhookBackoffJitter), Limits.MaxWebhookBackoff);
            least = least * 2 < Limits.MaxWebhookBackoff ? least * 2 : Limits.MaxWebhookBackoff;
        }

        faults.FailReads(false);
        await world.DeliveredAsync();
        Break();
        await world.Core.Create(world.Service, "bob");
        await world.PauseAsync();

        Assert.InRange(await NextReadAsync(), TimeSpan.Zero, Limits.MinWebhookBackoff);

        void Break()
        {
            if (isBug)
                faults.BreakReads(new InvalidOperationException("Simulates a bug of the program."));
            else
                faults.FailReads(true);
        }

        // A pass ends at its first read.
        async Task<TimeSpan> NextReadAsync()
        {
            var (before, reads) = (world.Core.Time.GetTimestamp(), faults.Reads);
            await world.UntilAsync(() => faults.Reads > reads, passTime: true);
            return world.Core.Time.GetElapsedTime(before);
        }
    }

    [Fact]
    public async Task Stopping_cancels_running_requests()
    {
        await using var world = await WebhookWorld.NewAsync();
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        world.Endpoint.Answer = async (_, stop) =>
        {
            await using var noted = stop.Register(cancelled.SetResult);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop);
            return WebhookOutcome.Failed;
        };
        await world.Core.Create(world.Service, "ada");
        await world.NextAsync();

        await world.StopAsync();

        Assert.True(cancelled.Task.IsCompleted);
    }

    private static IEnumerable<(string, UpdateReasons)> TakenOf(WebhookWorld world, string identity) =>
        world.Endpoint.Taken.Where(taken => taken.User.Identity.ToString() == identity).Select(taken => (taken.EventType, taken.Reasons));
}
