using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>Tests how a watch ends, and what its last token covers.</summary>
public sealed class EndingTests : IDisposable
{
    private readonly World _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Bookmarkable_a_watch_that_ends_before_it_is_synced_promises_nothing_that_it_did_not_deliver(bool now)
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var client = await _world.Watch(service, now: now);
        await client.Next<WatchEvent.ConfigurationChanged>();
        if (!now)
        {
            await client.Next<WatchEvent.Reset>();
            await client.Next<WatchEvent.Updates>();
        }
        await _world.Rename(service, "ada", "Ada");
        var renamed = await _world.Revision(service);
        _world.Hub.Drain();

        var ended = await Assert.ThrowsAsync<PresenceException>(async () =>
        {
            while (true)
                await client.Next();
        });
        Assert.Equal(ErrorReason.ServerStopping, ended.Reason);
        Assert.True(client.Token is null || client.Token.Position < renamed,
            "Bookmarkable: the token covers a change that was never sent.");
    }

    [Fact]
    public async Task Drained_a_resumed_watch_that_ends_before_its_first_token_returns_the_one_that_it_was_given()
    {
        var service = await _world.NewService();
        await using var before = await _world.Watch(service);
        await before.Sync();
        await using var client = await _world.Watch(service, token: before.Token);
        await client.Next<WatchEvent.ConfigurationChanged>();
        _world.Hub.Drain();

        var ended = await Assert.ThrowsAsync<PresenceException>(() => client.Next());
        Assert.Equal(before.Token!.Encode(), ended.Details.GetValueOrDefault("resume_token"));
    }

    [Fact]
    public async Task Drained_a_watch_that_ends_within_a_snapshot_returns_no_token_from_before_it()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var before = await _world.Watch(service);
        await before.Sync();
        await _world.Delete(service, "ada");
        _world.Time.Advance(TimeSpan.FromDays(31));
        while (_world.Writer.WriteOnce() == WriteOutcome.Written)
        {
        }
        await using var client = await _world.Watch(service, token: before.Token);
        await client.Next<WatchEvent.ConfigurationChanged>();
        await client.Next<WatchEvent.Reset>();
        _world.Hub.Drain();

        // The reset made the client drop the state that the token covers. A resume with that token would leave out unchanged users.
        var ended = await Assert.ThrowsAsync<PresenceException>(async () =>
        {
            while (true)
                await client.Next();
        });
        Assert.False(ended.Details.ContainsKey("resume_token"), "Drained: the token covers state that the reset invalidated.");
    }

    [Fact]
    public async Task Drained_the_token_of_a_message_that_the_client_has_not_taken_is_not_returned()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _world.Create(service, "ada");
        await client.NextUpdate();
        await _world.Create(service, "bob");
        var taken = client.Token!;
        await client.NextUpdate();
        _world.Hub.Drain();
        Assert.Equal(taken.Encode(), client.Session.EndReason!.Details["resume_token"]);
    }

    [Fact]
    public async Task Drained_the_age_of_a_watch_counts_from_synced()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service);
        _world.Time.Advance(Limits.WatchMaxAge * (1 + Limits.WatchMaxAgeJitter) + Limits.Tick);
        _world.Hub.Tick();
        await client.Sync();
        Assert.Null(client.Session.EndReason);
    }

    [Fact]
    public async Task Drained_a_watch_that_waits_for_a_read_ends_at_once()
    {
        var service = await _world.NewService();
        using var session = await _world.Hub.OpenAsync(
            new WatchRequest(service.Sid, new WatchFilter([], UpdateReasons.None, UserView.Full), StartNow: false, Token: null),
            _world.Store,
            default);
        await using var messages = session.ReadAsync(default).GetAsyncEnumerator();
        await messages.MoveNextAsync();
        await messages.MoveNextAsync();
        Assert.IsType<WatchEvent.Reset>(messages.Current);
        _world.Store.Faults.StallAllReads(after: 0);
        var next = messages.MoveNextAsync().AsTask();
        Assert.False(next.IsCompleted);

        _world.Hub.Drain();

        var ended = await Assert.ThrowsAsync<PresenceException>(() => next.WaitAsync(TimeSpan.FromSeconds(5)));
        Assert.Equal(ErrorReason.ServerStopping, ended.Reason);
    }

    [Fact]
    public async Task A_watch_that_is_cancelled_between_two_messages_ends_without_waiting_for_the_next_change()
    {
        var service = await _world.NewService();
        using var cancellation = new CancellationTokenSource();
        using var reader = await _world.Hub.OpenAsync(
            new WatchRequest(service.Sid, new WatchFilter([], UpdateReasons.None, UserView.Full), StartNow: true, Token: null),
            _world.Store,
            default);
        await using var messages = reader.ReadAsync(cancellation.Token).GetAsyncEnumerator();
        await messages.MoveNextAsync();
        await messages.MoveNextAsync();
        Assert.IsType<WatchEvent.Synced>(messages.Current);
        await cancellation.CancelAsync();

        var next = messages.MoveNextAsync().AsTask();
        // Wakes the watch if it sleeps in spite of the cancellation, so that the test can end.
        _world.Advance(TimeSpan.FromTicks(1));
        var wasAsleep = !next.IsCompleted;
        await _world.Create(service, "ada");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);
        Assert.False(wasAsleep, "Ended: the cancelled watch did not wake up.");
    }

    [Fact]
    public async Task Drained_a_deleted_service_instance_ends_its_watches_even_when_its_sid_is_reused_at_once()
    {
        World world = null!;
        Task<WatchClient>? again = null;
        Func<Task<WatchClient>>? open = null;
        using (world = new World(publisher: hub => new Writing.PublisherSpy(hub, commit =>
        {
            if (commit.IsDeleted)
                again = open!();
        })))
        {
            var service = await world.NewService();
            open = () => world.Watch(service);
            await using var client = await world.Watch(service);
            await client.Sync();
            var next = client.Next();
            // Opens a watch of the new service instance after the commit, but before the hub receives the commit.
            _ = world.Queue.SubmitAsync(new DeleteServiceInstance(service.Sid));
            _ = world.Queue.SubmitAsync(new CreateServiceInstance(service.Sid, "again"));
            world.Write();

            await using var second = await again!;
            var ended = await Assert.ThrowsAsync<PresenceException>(() => next);
            Assert.Equal(ErrorReason.ServiceInstanceNotFound, ended.Reason);
            await second.Sync();
        }
    }
}
