using GrpcPresence.Client.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Tests.Sessions;

/// <summary>Tests sessions against the real server.</summary>
public sealed class SessionTests : IAsyncLifetime
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
    public async Task A_started_session_has_brought_its_user_online()
    {
        await using var session = await _client.StartSessionAsync("ada");

        Assert.Equal("ada", session.UserKey);
        Assert.InRange(session.SessionId.Length, 1, 64);
        Assert.True(await _server.IsOnlineAsync(Service, "ada"));
        Assert.False(session.Ended.IsCompleted);
    }

    [Fact]
    public async Task Disposal_ends_the_session_at_the_server()
    {
        var session = await _client.StartSessionAsync("ada");

        await session.DisposeAsync();

        Assert.False(await _server.IsOnlineAsync(Service, "ada"));
        Assert.Equal(SessionEndReason.Disposed, (await session.Ended).Reason);
    }

    [Fact]
    public async Task Disposal_of_the_client_ends_all_its_sessions_at_the_server()
    {
        var sessions = await Task.WhenAll(Enumerable.Range(0, 1500).Select(i => _client.StartSessionAsync($"user-{i}")));

        await _client.DisposeAsync();

        var ends = await Task.WhenAll(sessions.Select(session => session.Ended));
        Assert.All(ends, end => Assert.Equal(SessionEndReason.Disposed, end.Reason));
        var online = await _server.Users.ListUsersAsync(new ListUsersRequest { ServiceSid = Service, Online = true });
        Assert.Empty(online.Users);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => _client.StartSessionAsync("ada"));
    }

    [Fact]
    public async Task A_user_stays_online_while_one_of_two_sessions_lives()
    {
        await using var first = await _client.StartSessionAsync("ada");
        var second = await _client.StartSessionAsync("ada");

        await second.DisposeAsync();

        Assert.True(await _server.IsOnlineAsync(Service, "ada"));
    }

    [Fact]
    public async Task Two_sessions_with_one_id_are_one_and_an_id_that_was_ended_cannot_be_used_again()
    {
        var first = await _client.StartSessionAsync("ada", "tab-1");
        await using var second = await _client.StartSessionAsync("ada", "tab-1");

        await first.DisposeAsync();

        Assert.False(await _server.IsOnlineAsync(Service, "ada"));
        var error = await Assert.ThrowsAsync<PresenceException>(
            () => Barrier.Within(_client.StartSessionAsync("ada", "tab-1"), "the start was rejected"));
        Assert.Equal(ErrorReason.SessionEnded, error.Reason);
    }

    [Fact]
    public async Task Sessions_that_live_while_reachability_is_off_are_shown_when_it_is_switched_on()
    {
        await _server.SwitchAsync(Service, on: false);
        await using var session = await _client.StartSessionAsync("ada");
        await using var watch = await _client.WatchAsync(WatchOptions.Everybody);
        Assert.False(watch.IsReachabilityEnabled);
        Assert.Equal((true, null), (watch["ada"].Exists, watch["ada"].IsOnline));
        var updates = watch.ReadUpdatesAsync(TestContext.Current.CancellationToken);

        await _server.SwitchAsync(Service, on: true);

        await Barrier.Within(updates.FirstAsync(update => update.User.IsOnline == true).AsTask(), "ada was shown online");
        Assert.True(watch.IsReachabilityEnabled);
    }

    [Fact]
    public async Task A_session_that_another_caller_ends_says_so_at_its_next_heartbeat()
    {
        var clock = new ManualClock { EndsShortWaits = true };
        await using var client = TestClient.Create(Service, _network, clock);
        var session = await client.StartSessionAsync("ada", "phone-1");

        await _server.EndAsync(Service, "ada", "phone-1");
        clock.Advance(TimeSpan.FromSeconds(31));

        var end = await Barrier.Within(session.Ended, "the session ended");
        Assert.Equal((SessionEndReason.EndedByServer, ErrorReason.SessionEnded), (end.Reason, end.Error!.Reason));
        await session.DisposeAsync();
    }

    [Fact]
    public async Task A_session_that_the_server_rejects_does_not_start()
    {
        var error = await Assert.ThrowsAsync<PresenceException>(() => _client.StartSessionAsync("ada", "not a session id"));

        Assert.Equal(ErrorReason.FieldInvalid, error.Reason);
    }

    [Fact]
    public async Task The_longest_user_key_and_session_id_are_those_that_the_server_accepts()
    {
        var key = string.Concat(Enumerable.Repeat("😀", 256));

        await using var session = await _client.StartSessionAsync(key, new string('s', 64));

        Assert.True(await _server.IsOnlineAsync(Service, key));
    }

    [Fact]
    public async Task A_client_of_an_unknown_service_instance_gets_the_error()
    {
        await using var client = TestClient.Create("IS000000000000000000000000000000ff", _network);

        var error = await Assert.ThrowsAsync<PresenceException>(() => client.StartSessionAsync("ada"));

        Assert.Equal(ErrorReason.ServiceInstanceNotFound, error.Reason);
    }

    [Fact]
    public async Task A_session_that_nobody_waits_for_any_more_is_ended()
    {
        _network.Port = null;
        using var given = new CancellationTokenSource();
        var starting = _client.StartSessionAsync("ada", given.Token);

        await given.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => starting);
        _network.Port = _server.Port;
        // The client sends this start behind what it had to send before.
        await using var session = await _client.StartSessionAsync("bob");
        var found = await _server.Users.BatchGetUsersAsync(new BatchGetUsersRequest { ServiceSid = Service, UserKeys = { "ada" } });
        Assert.DoesNotContain(found.Users, user => user.IsOnline);
    }

    [Theory]
    [InlineData("killed")]
    [InlineData("drained")]
    public async Task A_session_survives_a_server_that_is(string what)
    {
        var clock = new ManualClock { EndsShortWaits = true };
        using var meters = new Measurements();
        var options = TestClient.Options(Service, _network, clock);
        options.MeterFactory = meters;
        await using var client = PresenceClient.Create(options);
        var session = await client.StartSessionAsync("ada", "phone-1");

        await (what == "killed" ? _server.KillAsync() : _server.DrainAsync());
        clock.Advance(TimeSpan.FromSeconds(31));
        await meters.UntilAsync("presence.client.heartbeats", 2);

        var known = await _server.Users.ListSessionsAsync(new ListSessionsRequest { ServiceSid = Service, UserKey = "ada" });
        Assert.Equal("phone-1", Assert.Single(known.Sessions).SessionId);
        Assert.False(session.Ended.IsCompleted);
        await session.DisposeAsync();
        known = await _server.Users.ListSessionsAsync(new ListSessionsRequest { ServiceSid = Service, UserKey = "ada" });
        Assert.Empty(known.Sessions);
    }

    [Fact]
    public async Task A_session_survives_a_stream_that_is_cut_behind_any_byte()
    {
        // The server's part of the handshake and of the start, byte by byte.
        for (var bytes = 0; bytes < 400; bytes++)
        {
            _network.CutNext(bytes);
            await using var client = TestClient.Create(Service, _network);
            var session = await Barrier.Within(client.StartSessionAsync("ada"), $"a session started, cut at {bytes}");
            await session.DisposeAsync();
            Assert.Equal(SessionEndReason.Disposed, (await session.Ended).Reason);
            Assert.False(await _server.IsOnlineAsync(Service, "ada"));
            await _server.DeleteUserAsync(Service, "ada");
        }
    }
}
