using Grpc.Core;
using GrpcPresence.Client.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Tests.Sessions;

/// <summary>Tests heartbeats on a manual clock, against a server that the test plays.</summary>
public sealed class HeartbeatTests : IAsyncLifetime
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    private readonly ManualClock _clock = new();
    private readonly FakeServer _server = new();
    private readonly Measurements _meters = new();
    private PresenceClient _client = null!;

    public ValueTask InitializeAsync()
    {
        _client = NewClient();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        // The server of the test answers nothing any more.
        var disposing = _client.DisposeAsync().AsTask();
        while (!disposing.IsCompleted)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
        await disposing;
        _meters.Dispose();
    }

    [Fact]
    public async Task The_sessions_of_all_users_share_one_stream_and_each_beats_once_an_interval()
    {
        const int count = 640;
        var starting = Enumerable.Range(0, count).Select(i => _client.StartSessionAsync($"user-{i}")).ToArray();
        var stream = await _server.NextStartedStreamAsync();
        await ReadAsync(stream, count);
        await Barrier.Within(Task.WhenAll(starting), "the sessions started");

        for (var turn = 0; turn < 3; turn++)
        {
            _clock.Advance(Interval);
            var users = await ReadAsync(stream, count);
            Assert.Equal(count, users.Distinct().Count());
            await _meters.UntilAsync("presence.client.heartbeats", (turn + 2) * count);
        }
        Assert.True(stream.IsQuiet);
        Assert.Equal((count, 1), (_meters["presence.client.sessions"], _meters["presence.client.connections"]));
    }

    [Fact]
    public async Task After_the_machine_was_suspended_each_session_beats_within_ten_seconds()
    {
        const int count = 64;
        var starting = Enumerable.Range(0, count).Select(i => _client.StartSessionAsync($"user-{i}")).ToArray();
        var stream = await _server.NextStartedStreamAsync();
        await ReadAsync(stream, count);
        await Barrier.Within(Task.WhenAll(starting), "the sessions started");

        _clock.Suspend(TimeSpan.FromHours(1));
        _clock.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(count, (await ReadAsync(stream, count)).Distinct().Count());
    }

    [Fact]
    public async Task The_reply_of_the_server_sets_the_pace()
    {
        var stream = await StartAsync("ada", interval: TimeSpan.FromSeconds(2));

        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(["ada"], await stream.NextBeatsAsync(interval: TimeSpan.FromSeconds(60)));
        await _meters.UntilAsync("presence.client.heartbeats", 2);
        // A longer interval holds after one more turn.
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(["ada"], await stream.NextBeatsAsync(interval: TimeSpan.FromSeconds(60)));
        await _meters.UntilAsync("presence.client.heartbeats", 3);
        _clock.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(["ada"], await stream.NextBeatsAsync(interval: TimeSpan.FromSeconds(60)));
        await _meters.UntilAsync("presence.client.heartbeats", 4);
        _clock.Advance(TimeSpan.FromSeconds(5));

        Assert.True(stream.IsQuiet);
        _clock.Advance(TimeSpan.FromSeconds(55));
        Assert.Equal(["ada"], await stream.NextBeatsAsync());
    }

    [Fact]
    public async Task A_message_has_at_most_a_thousand_entries_and_a_megabyte()
    {
        var keys = Enumerable.Range(0, 2500).Select(i => $"{i:D4}{string.Concat(Enumerable.Repeat("😀", 252))}").ToArray();
        var starting = keys.Select(key => _client.StartSessionAsync(key)).ToArray();
        var stream = await _server.NextStartedStreamAsync();

        for (var read = 0; read < keys.Length;)
        {
            var message = await stream.NextAsync();
            Assert.InRange(message.Beats.Beats.Count, 1, 1000);
            Assert.InRange(message.CalculateSize(), 1, 1 << 20);
            stream.Reply(FakeServer.Accepts(message.Beats.Beats.Count));
            read += message.Beats.Beats.Count;
        }

        await Barrier.Within(Task.WhenAll(starting), "the sessions started");
    }

    [Theory]
    [InlineData(257, 1)]
    [InlineData(2_000_000, 1)]
    [InlineData(1, 65)]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public async Task A_session_that_no_server_accepts_is_not_sent(int keyLength, int idLength)
    {
        await Assert.ThrowsAnyAsync<ArgumentException>(
            () => _client.StartSessionAsync(new string('k', keyLength), new string('s', idLength)));

        Assert.Equal(0, _meters["presence.client.sessions"]);
    }

    [Fact]
    public async Task What_was_not_answered_when_the_stream_broke_is_sent_again()
    {
        var stream = await StartAsync("ada");
        _clock.Advance(Interval);
        Assert.NotNull((await stream.NextAsync()).Beats); // not answered
        var starting = _client.StartSessionAsync("bob");
        Assert.Equal("bob", Assert.Single((await stream.NextAsync()).Beats.Beats).UserKey); // not answered either

        stream = await ReconnectAsync(stream, FakeServer.Broken());

        Assert.Equal(["ada", "bob"], (await ReadAsync(stream, 2)).Order());
        await Barrier.Within(starting, "bob's session started");
    }

    [Fact]
    public async Task The_time_that_a_listener_of_the_meter_takes_is_not_that_of_the_server()
    {
        var stream = await StartAsync("ada");
        _clock.Advance(Interval);
        Assert.NotNull((await stream.NextAsync()).Beats);
        var starting = _client.StartSessionAsync("bob");
        Assert.NotNull((await stream.NextAsync()).Beats);
        stream.IgnoresCancellation = true;
        using var listener = new SlowCode();
        _meters.OnMeasured = name =>
        {
            if (name == "presence.client.heartbeats")
                listener.Run();
        };

        stream.Reply(FakeServer.Accepts(1)); // ada's, and bob's is to follow
        await Barrier.Within(listener.Begun, "the heartbeat was counted");
        _clock.Advance(TimeSpan.FromSeconds(21)); // longer than an answer may take
        listener.End();
        stream.Reply(FakeServer.Accepts(1));

        await Barrier.Within(starting, "bob's session started");
        stream.Fail(new RpcException(new Status(StatusCode.Internal, "in between")));
        // A client that had given up the stream would call it unavailable.
        await _meters.UntilAsync("presence.client.disconnections reason=Internal", 1);
    }

    [Fact]
    public async Task What_the_server_says_counts_although_it_comes_late()
    {
        var starting = _client.StartSessionAsync("ada");
        var stream = await _server.NextStartedStreamAsync();
        Assert.NotNull((await stream.NextAsync()).Beats);
        stream.IgnoresCancellation = true;
        _clock.Advance(TimeSpan.FromSeconds(21)); // longer than an answer may take
        await Barrier.Within(stream.Left, "the client left the stream");

        stream.Fail(FakeServer.Error(StatusCode.PermissionDenied, "PERMISSION_DENIED"));

        var error = await Assert.ThrowsAsync<PresenceException>(() => Barrier.Within(starting, "the session was rejected"));
        Assert.Equal(ErrorReason.PermissionDenied, error.Reason);
    }

    [Fact]
    public async Task A_client_waits_as_the_server_asks_and_then_a_random_time_that_grows()
    {
        var stream = await StartAsync("ada");

        var waits = new List<TimeSpan>();
        for (var attempt = 0; attempt < 6; attempt++)
        {
            var waiting = _clock.WhenTimerCreated(due => due > TimeSpan.FromSeconds(10) && due < TimeSpan.FromSeconds(60));
            stream.Fail(FakeServer.Error(StatusCode.Unavailable, "SERVER_STOPPING", retryAfter: TimeSpan.FromSeconds(10)));
            waits.Add(await Barrier.Within(waiting, "the client waited"));
            _clock.Advance(waits[^1]);
            stream = await _server.NextStreamAsync();
            // Only what went wrong without a wait of its own would be quicker.
            Assert.NotNull((await stream.NextAsync()).Start);
        }

        Assert.Equal(waits.Count, waits.Distinct().Count());
        Assert.All(waits.Index(), wait => Assert.InRange(wait.Item.TotalSeconds, 10, 10 + (0.5 * Math.Pow(2, wait.Index))));
    }

    [Fact]
    public async Task Heartbeats_wait_for_no_longer_than_their_interval()
    {
        // Leases of 5 s: a server that is back keeps sessions for as long as that.
        var stream = await StartAsync("ada", interval: TimeSpan.FromSeconds(2));

        for (var attempt = 0; attempt < 12; attempt++)
        {
            var waiting = _clock.WhenTimerCreated(due => due > TimeSpan.Zero && due < TimeSpan.FromMinutes(1));
            stream.Fail(FakeServer.Error(StatusCode.Unavailable, "SERVER_STOPPING"));
            var wait = await Barrier.Within(waiting, "the client waited");
            Assert.InRange(wait, TimeSpan.Zero, TimeSpan.FromSeconds(2));
            _clock.Advance(wait);
            stream = await _server.NextStreamAsync();
        }
    }

    [Fact]
    public async Task A_stream_whose_start_the_network_held_back_is_replaced()
    {
        var starting = _client.StartSessionAsync("ada");
        var stream = await _server.NextStreamAsync();

        stream = await ReconnectAsync(stream, FakeServer.Error(StatusCode.InvalidArgument, "STREAM_PROTOCOL_VIOLATED"));

        Assert.Equal(["ada"], await stream.NextBeatsAsync());
        await Barrier.Within(starting, "the session started");
    }

    [Fact]
    public async Task A_loop_that_fails_leaves_nobody_waiting()
    {
        await using var client = NewClient(random: new FailingRandom());
        foreach (var user in new[] { "ada", "bob" })
        {
            var starting = client.StartSessionAsync(user);

            (await _server.NextStreamAsync()).Fail(FakeServer.Broken());

            await Assert.ThrowsAsync<PresenceException>(() => Barrier.Within(starting, $"the start of {user} failed"));
        }
    }

    [Fact]
    public async Task A_session_goes_on_while_the_log_fails()
    {
        await using var client = NewClient(options => options.LoggerFactory = new FailingLog());
        await RequireSecondStreamAsync(client);
    }

    [Fact]
    public async Task A_session_goes_on_while_a_listener_of_the_meter_fails()
    {
        using var meters = new FailingMeters();
        await using var client = NewClient(options => options.MeterFactory = meters);
        await RequireSecondStreamAsync(client);
        Assert.True(meters.HasFailed);
    }

    [Fact]
    public async Task A_listener_of_the_meter_holds_no_lock_of_the_client()
    {
        PresenceClient? client = null;
        IPresenceSession? started = null;
        var other = new TaskCompletionSource<Task>(TaskCreationOptions.RunContinuationsAsynchronously);
        var ended = new TaskCompletionSource<Task>(TaskCreationOptions.RunContinuationsAsynchronously);
        var measured = 0;
        using var meters = new ListenedMeters((name, value) =>
        {
            // Another thread uses the client, and the listener waits for it. Starting a session calls the listener again.
            if (name != "presence.client.sessions")
                return;
            if (value > 0 && Interlocked.Increment(ref measured) == 1)
                Use(other, () => client!.StartSessionAsync("bob"));
            else if (value < 0 && !ended.Task.IsCompleted)
                Use(ended, () => started!.Ended);
        });
        await using (client = NewClient(options => options.MeterFactory = meters))
        {
            var starting = client.StartSessionAsync("ada");
            _ = AcceptEverythingAsync(await _server.NextStartedStreamAsync());
            started = await Barrier.Within(starting, "the session started");
            await Barrier.Within(await Barrier.Within(other.Task, "another thread was called"), "another session started");

            await Barrier.Within(started.DisposeAsync().AsTask(), "the session was disposed of");
            await Barrier.Within(await Barrier.Within(ended.Task, "another thread was called"), "the session ended");
        }

        static void Use(TaskCompletionSource<Task> used, Func<Task> use)
        {
            if (Task.Run(() => used.TrySetResult(use())).Wait(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken))
                return;
            used.TrySetException(new TimeoutException("The listener holds a lock."));
        }
    }

    [Fact]
    public async Task A_stream_that_does_not_answer_is_replaced()
    {
        var stream = await StartAsync("ada");
        _clock.Advance(Interval);
        await stream.NextAsync(); // not answered
        var waiting = _clock.WhenTimerCreated(due => due > TimeSpan.Zero && due <= TimeSpan.FromMilliseconds(500));

        _clock.Advance(TimeSpan.FromSeconds(21));

        await Barrier.Within(stream.Left, "the client left the stream");
        _clock.Advance(await Barrier.Within(waiting, "the client waited"));
        Assert.Equal(["ada"], await (await _server.NextStartedStreamAsync()).NextBeatsAsync());
    }

    [Fact]
    public async Task Where_streams_break_single_heartbeats_keep_the_sessions_alive()
    {
        _server.OnHeartbeat = _ => new HeartbeatResponse
        {
            HeartbeatInterval = FakeServer.Accepts().HeartbeatInterval,
            SessionTimeout = FakeServer.Accepts().SessionTimeout,
        };
        var starting = _client.StartSessionAsync("ada");
        // Twice without an answer, then a single call that works, then once more.
        await BreakAsync();
        await BreakAsync();
        Assert.Equal("ada", (await _server.NextHeartbeatAsync()).UserKey);
        await Barrier.Within(starting, "the session started");
        var last = await _server.NextStreamAsync();
        var waiting = WhenWaiting();
        last.Fail(FakeServer.Broken());
        _clock.Advance(await Barrier.Within(waiting, "the client waited"));
        await _meters.UntilAsync("presence.client.connections kind=unary", 1);

        for (var beat = 0; beat < 3; beat++)
        {
            _clock.Advance(Interval);
            Assert.Equal("ada", (await _server.NextHeartbeatAsync()).UserKey);
            await _meters.UntilAsync("presence.client.heartbeats", 2 + beat);
        }
        // After a while it tries a stream again, which now works.
        _clock.Advance(TimeSpan.FromMinutes(10));
        await RequireStreamAsync();
    }

    [Fact]
    public async Task A_server_that_was_away_is_back_for_streams_too()
    {
        var starting = _client.StartSessionAsync("ada");
        await BreakAsync();
        _server.OnHeartbeat = _ => new HeartbeatResponse();
        await BreakAsync();
        await _server.NextHeartbeatAsync();
        await Barrier.Within(starting, "the session started");

        await RequireStreamAsync();
        Assert.Equal(0, _meters["presence.client.connections kind=unary"]);
    }

    [Theory]
    [InlineData(ErrorReason.SessionEnded, SessionEndReason.EndedByServer)]
    [InlineData(ErrorReason.UserNotFound, SessionEndReason.Rejected)]
    public async Task A_rejected_session_ends_with_the_reason_and_the_others_go_on(ErrorReason rejected, SessionEndReason expected)
    {
        var ada = _client.StartSessionAsync("ada");
        var bob = _client.StartSessionAsync("bob");
        var stream = await _server.NextStartedStreamAsync();
        await ReadAsync(stream, 2);
        var session = await Barrier.Within(ada, "ada's session started");
        await Barrier.Within(bob, "bob's session started");

        _clock.Advance(Interval);
        for (var read = 0; read < 2;)
        {
            var beats = (await stream.NextAsync()).Beats.Beats;
            var reply = FakeServer.Accepts();
            reply.Rejected.AddRange(beats.Index().Where(beat => beat.Item.UserKey == "ada")
                .Select(beat => new RejectedBeat { Index = beat.Index, Reason = rejected }));
            reply.Accepted = beats.Count - reply.Rejected.Count;
            stream.Reply(reply);
            read += beats.Count;
        }

        var end = await Barrier.Within(session.Ended, "ada's session ended");
        Assert.Equal((expected, rejected), (end.Reason, end.Error!.Reason));
        await _meters.UntilAsync("presence.client.heartbeats", 4); // bob's answer too, before the clock moves
        _clock.Advance(Interval);
        Assert.Equal(["bob"], await stream.NextBeatsAsync());
        Assert.Equal(1, _meters["presence.client.sessions"]);
    }

    [Theory]
    [InlineData(ErrorReason.QuotaExceeded)]
    [InlineData(ErrorReason.StorageUnavailable)]
    public async Task A_session_goes_on_after_a_rejection_that_passes(ErrorReason rejected)
    {
        var stream = await StartAsync("ada");
        _clock.Advance(Interval);
        await stream.NextAsync();
        var reply = FakeServer.Accepts();
        reply.Rejected.Add(new RejectedBeat { Index = 0, Reason = rejected });
        stream.Reply(reply);
        await _meters.UntilAsync($"presence.client.heartbeats outcome={rejected}", 1);

        _clock.Advance(Interval);

        Assert.Equal(["ada"], await stream.NextBeatsAsync());
    }

    [Fact]
    public async Task A_gateway_can_have_its_sessions_end_with_its_connection_and_then_beats_at_once_after_a_reconnection()
    {
        await using var client = NewClient(options => options.EndSessionsOnDisconnect = true);
        var starting = client.StartSessionAsync("ada");
        var stream = await _server.NextStreamAsync();
        Assert.True((await stream.NextAsync()).Start.EndSessionsOnClose);
        stream.Reply();
        await ReadAsync(stream, 1);
        var session = await Barrier.Within(starting, "the session started");

        stream = await ReconnectAsync(stream, FakeServer.Broken());

        // Its lease is only as long as the debounce.
        Assert.Contains("ada", await stream.NextBeatsAsync());
        _ = AcceptEverythingAsync(stream);
        await session.DisposeAsync();
    }

    [Fact]
    public async Task A_gateway_whose_streams_break_beats_at_once_by_single_calls()
    {
        await using var client = NewClient(options => options.EndSessionsOnDisconnect = true);
        var starting = client.StartSessionAsync("ada");
        var stream = await _server.NextStartedStreamAsync();
        await ReadAsync(stream, 1);
        var session = await Barrier.Within(starting, "the session started");
        _server.OnHeartbeat = _ => new HeartbeatResponse();
        var waiting = WhenWaiting();
        stream.Fail(FakeServer.Broken());
        _clock.Advance(await Barrier.Within(waiting, "the client waited"));

        // Twice without an answer. The waits are much shorter than the interval.
        await BreakAsync();
        await BreakAsync();

        Assert.Equal("ada", (await _server.NextHeartbeatAsync()).UserKey);
        _ = AcceptEverythingAsync(await _server.NextStartedStreamAsync());
        await session.DisposeAsync();
    }

    [Fact]
    public async Task A_group_without_sessions_closes_its_stream_after_a_while()
    {
        var starting = _client.StartSessionAsync("ada");
        var stream = await _server.NextStartedStreamAsync();
        await stream.NextBeatsAsync();
        var ending = (await starting).DisposeAsync();
        Assert.Equal("ada", Assert.Single((await stream.NextAsync()).Ends.Ends).UserKey);
        stream.Reply(FakeServer.Accepts(1));
        await ending;

        _clock.Advance(TimeSpan.FromSeconds(31));

        await Assert.ThrowsAsync<System.Threading.Channels.ChannelClosedException>(stream.NextAsync);
        stream.Fail(FakeServer.Broken()); // not an interruption
    }

    private PresenceClient NewClient(Action<PresenceClientOptions>? configure = null, Random? random = null)
    {
        var options = new PresenceClientOptions
        {
            Address = Network.Address,
            ServiceSid = TestClient.ServiceSid,
            TimeProvider = _clock,
            MeterFactory = _meters,
        };
        configure?.Invoke(options);
        return new PresenceClient(options, _server, _server, random ?? new Random(1));
    }

    private async Task<FakeStream> StartAsync(string user, TimeSpan? interval = null)
    {
        var starting = _client.StartSessionAsync(user);
        var stream = await _server.NextStartedStreamAsync();
        Assert.Equal([user], await stream.NextBeatsAsync(interval));
        await Barrier.Within(starting, "the session started");
        await _meters.UntilAsync("presence.client.heartbeats", 1);
        return stream;
    }

    private Task<TimeSpan> WhenWaiting() => _clock.WhenTimerCreated(due => due > TimeSpan.Zero && due < TimeSpan.FromSeconds(3));

    private async Task BreakAsync()
    {
        var stream = await _server.NextStreamAsync();
        var waiting = WhenWaiting();
        stream.Fail(FakeServer.Broken());
        _clock.Advance(await Barrier.Within(waiting, "the client waited"));
    }

    private async Task<FakeStream> ReconnectAsync(FakeStream stream, RpcException error)
    {
        var waiting = WhenWaiting();
        stream.Fail(error);
        _clock.Advance(await Barrier.Within(waiting, "the client waited"));
        return await _server.NextStartedStreamAsync();
    }

    // An interruption is logged and counted, and so is its end.
    private async Task RequireSecondStreamAsync(PresenceClient client)
    {
        var starting = client.StartSessionAsync("ada");
        var stream = await ReconnectAsync(await _server.NextStreamAsync(), FakeServer.Broken());
        Assert.Equal(["ada"], await stream.NextBeatsAsync());
        var session = await Barrier.Within(starting, "the session started");
        _ = AcceptEverythingAsync(stream);
        await Barrier.Within(session.DisposeAsync().AsTask(), "the session was disposed of");
        Assert.Equal(SessionEndReason.Disposed, (await session.Ended).Reason);
    }

    // The next stream works: it starts a session, and then carries the heartbeats of both.
    private async Task RequireStreamAsync()
    {
        var stream = await _server.NextStartedStreamAsync();
        var starting = _client.StartSessionAsync("bob");
        for (var users = await stream.NextBeatsAsync(); !users.Contains("bob");)
            users = await stream.NextBeatsAsync();
        await Barrier.Within(starting, "bob's session started");

        _clock.Advance(Interval);

        Assert.Equal(["ada", "bob"], (await ReadAsync(stream, 2)).Order());
    }

    private static async Task<List<string>> ReadAsync(FakeStream stream, int atLeast)
    {
        var users = new List<string>();
        while (users.Count < atLeast)
            users.AddRange(await stream.NextBeatsAsync());
        return users;
    }

    // Fails where the loop asks how long to wait.
    private sealed class FailingRandom : Random
    {
        public override double NextDouble() => throw new InvalidOperationException("The random numbers of the test fail.");
    }

    private static async Task AcceptEverythingAsync(FakeStream stream)
    {
        try
        {
            while (true)
            {
                var message = await stream.NextAsync();
                stream.Reply(FakeServer.Accepts(message.Beats?.Beats.Count ?? message.Ends.Ends.Count));
            }
        }
        catch (System.Threading.Channels.ChannelClosedException)
        {
            stream.Fail(FakeServer.Broken());
        }
    }
}
