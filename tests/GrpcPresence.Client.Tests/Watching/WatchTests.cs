using GrpcPresence.Client.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Tests.Watching;

/// <summary>Tests watches against the real server.</summary>
public sealed class WatchTests : IAsyncLifetime
{
    private PresenceServer _server = null!;
    private Network _network = null!;
    private PresenceClient _client = null!;

    private string Service => _server.ServiceSid;

    public async ValueTask InitializeAsync()
    {
        _server = await PresenceServer.StartAsync();
        _network = _server.NewNetwork();
        _client = TestClient.Create(Service, _network);
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_watch_returns_with_the_state_of_every_user()
    {
        await _server.CreateUserAsync(Service, "bob", "Bob");
        await _server.BeatAsync(Service, "ada");

        await using var users = await _client.WatchAsync(WatchOptions.Everybody);

        Assert.Equal((WatchState.Live, true), (users.State, users.IsReachabilityEnabled));
        Assert.True(users["ada"].IsOnline);
        Assert.Equal((true, null, "Bob"), (users["bob"].Exists, users["bob"].IsOnline, users["bob"].FriendlyName));
        Assert.Equal((false, null), (users["cay"].Exists, users["cay"].IsOnline));
        Assert.Equal(await _server.ReadUsersAsync(Service), users.Users);
    }

    [Fact]
    public async Task A_watch_raises_each_change_and_gives_it_to_readers()
    {
        await using var watch = await ObservedWatch.OpenAsync(_client);

        var session = await _client.StartSessionAsync("ada");
        await watch.UntilAsync(() => watch.Watch["ada"].IsOnline == true, "ada is online");
        await session.DisposeAsync();
        await watch.UntilAsync(() => watch.Watch["ada"].IsOnline == false, "ada is offline");
        await _server.RenameAsync(Service, "ada", "Ada");
        await watch.UntilAsync(() => watch.Watch["ada"].FriendlyName == "Ada", "ada has a name");
        await _server.DeleteUserAsync(Service, "ada");
        await watch.UntilAsync(() => !watch.Watch["ada"].Exists, "ada is gone");

        Assert.Equal(
            ["ada: Created, ReachabilityOnline", "ada: ReachabilityOnline", "ada: FriendlyName", "ada: Deleted"], watch.Texts);
    }

    [Fact]
    public async Task A_watch_of_some_users_receives_no_other_and_an_identity_may_not_exist_yet()
    {
        await _server.CreateUserAsync(Service, "ada");
        await using var watch = await ObservedWatch.OpenAsync(_client, WatchOptions.For("ada", "bob"));
        Assert.Equal(["ada"], watch.Watch.Users.Keys);

        await _server.CreateUserAsync(Service, "cay");
        await _server.CreateUserAsync(Service, "bob");

        await watch.UntilAsync(() => watch.Watch["bob"].Exists, "bob is known");
        Assert.Equal(["bob: Created"], watch.Texts);
    }

    [Fact]
    public async Task A_watch_of_reachability_receives_no_change_that_it_does_not_show()
    {
        await _server.CreateUserAsync(Service, "ada");
        await using var watch = await ObservedWatch.OpenAsync(_client, new WatchOptions { View = UserView.Reachability });

        await _server.RenameAsync(Service, "ada", "Ada");
        await _server.BeatAsync(Service, "ada");

        await watch.UntilAsync(() => watch.Watch["ada"].IsOnline == true, "ada is online");
        Assert.Equal(["ada: ReachabilityOnline"], watch.Texts);
    }

    [Theory]
    [InlineData("killed")]
    [InlineData("drained")]
    [InlineData("disconnected")]
    public async Task A_watch_resumes_and_raises_what_it_missed_when_the_server_is(string what)
    {
        await _server.CreateUserAsync(Service, "ada");
        await using var watch = await ObservedWatch.OpenAsync(_client, permanent: ["ada"]);
        await _server.CreateUserAsync(Service, "bob");
        await watch.UntilAsync(() => watch.Watch["bob"].Exists, "bob is known");

        _network.Port = null;
        _network.Break();
        await watch.UntilAsync(() => watch.Watch.State == WatchState.Resuming, "the watch noticed");
        await _server.CreateUserAsync(Service, "cay");
        await _server.RenameAsync(Service, "ada", "Ada");
        await _server.DeleteUserAsync(Service, "bob");
        if (what == "disconnected")
            _network.Port = _server.Port;
        else
            await (what == "killed" ? _server.KillAsync() : _server.DrainAsync());

        await watch.ConvergeAsync(await _server.ReadUsersAsync(Service));
        Assert.Equal(
            ["bob: Created", "ada: FriendlyName", "bob: Deleted", "cay: Created"], [watch.Texts[0], .. watch.Texts.Skip(1).Order()]);
    }

    [Fact]
    public async Task A_restored_backup_raises_what_differs_from_it_and_what_is_gone()
    {
        await _server.CreateUserAsync(Service, "ada");
        await _server.CreateUserAsync(Service, "bob");
        await using var watch = await ObservedWatch.OpenAsync(_client, permanent: ["ada", "bob"]);
        _server.BackUp();
        await _server.RenameAsync(Service, "ada", "Ada");
        await _server.CreateUserAsync(Service, "cay");
        await watch.UntilAsync(() => watch.Watch["cay"].Exists, "cay is known");

        await _server.RestoreAsync();

        await watch.ConvergeAsync(await _server.ReadUsersAsync(Service));
        Assert.Equal(["ada: FriendlyName", "cay: Created", "cay: Deleted", "ada: FriendlyName"], watch.Texts);
    }

    [Fact]
    public async Task Switching_reachability_off_makes_it_unknown()
    {
        await _server.BeatAsync(Service, "ada");
        await using var watch = await ObservedWatch.OpenAsync(_client);

        await _server.SwitchAsync(Service, on: false);

        await watch.UntilAsync(() => watch.Watch["ada"].IsOnline is null, "ada is unknown");
        await watch.UntilAsync(() => !watch.Watch.IsReachabilityEnabled, "reachability is off");
        Assert.Equal(["ada: ReachabilityOnline"], watch.Texts);
    }

    [Fact]
    public async Task A_deleted_service_instance_ends_the_watch_with_the_error()
    {
        var watch = await _client.WatchAsync(WatchOptions.Everybody);
        var reading = watch.ReadUpdatesAsync().ToListAsync(TestContext.Current.CancellationToken).AsTask();

        await _server.Configurations.DeleteServiceInstanceAsync(new DeleteServiceInstanceRequest { ServiceSid = Service });

        var error = await Assert.ThrowsAsync<PresenceException>(() => Barrier.Within(watch.Completion, "the watch ended"));
        Assert.Equal(ErrorReason.ServiceInstanceNotFound, error.Reason);
        Assert.Equal(WatchState.Ended, watch.State);
        await Assert.ThrowsAsync<PresenceException>(() => Barrier.Within(reading, "the reader got the error"));
        await Assert.ThrowsAsync<PresenceException>(() => _client.WatchAsync(WatchOptions.Everybody));
    }

    [Fact]
    public async Task A_second_enumeration_of_the_same_updates_fails_at_once()
    {
        await using var watch = await _client.WatchAsync(WatchOptions.Everybody);
        var updates = watch.ReadUpdatesAsync(TestContext.Current.CancellationToken);
        await using var first = updates.GetAsyncEnumerator(TestContext.Current.CancellationToken);

        Assert.Throws<InvalidOperationException>(() => updates.GetAsyncEnumerator(TestContext.Current.CancellationToken));

        await _server.CreateUserAsync(Service, "ada");
        Assert.True(await Barrier.Within(first.MoveNextAsync().AsTask(), "the first reader got the update"));
        await first.DisposeAsync();
        Assert.Throws<InvalidOperationException>(() => updates.GetAsyncEnumerator(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_watch_that_is_given_up_before_it_is_synced_ends()
    {
        _network.Port = null;
        using var given = new CancellationTokenSource();
        var watching = _client.WatchAsync(WatchOptions.Everybody, given.Token);

        await given.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watching);
    }

    [Fact]
    public async Task Disposal_of_the_client_ends_its_watches()
    {
        var watch = await _client.WatchAsync(WatchOptions.Everybody);

        await _client.DisposeAsync();

        await Barrier.Within(watch.Completion, "the watch ended");
        Assert.Equal(WatchState.Ended, watch.State);
        Assert.Empty(await watch.ReadUpdatesAsync().ToListAsync(TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => _client.WatchAsync(WatchOptions.Everybody));
    }

    [Fact]
    public async Task A_handler_that_fails_or_disposes_of_its_watch_does_no_harm()
    {
        var watch = await _client.WatchAsync(WatchOptions.Everybody);
        watch.Updated += (_, _) => throw new InvalidOperationException("A handler of the test fails.");
        watch.Updated += async (_, update) =>
        {
            if (update.User.Identity == "bob")
                await watch.DisposeAsync();
        };
        await using var observed = await ObservedWatch.OpenAsync(_client);

        await _server.CreateUserAsync(Service, "ada");
        await observed.UntilAsync(() => observed.Watch["ada"].Exists, "ada is known");
        Assert.False(watch.Completion.IsCompleted);

        await watch.DisposeAsync();
    }
}
