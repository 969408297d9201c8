using Grpc.Core;
using GrpcPresence.Client.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Tests.Sessions;

/// <summary>Tests what a client does with heartbeats and ends that the server rejects, against a server that the test plays.</summary>
public sealed class RejectionTests : IAsyncLifetime
{
    // The longest first delay before what was rejected is repeated, and the lease.
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan SessionTimeout = TimeSpan.FromSeconds(75);

    private readonly ManualClock _clock = new();
    private readonly FakeServer _server = new();
    private readonly Measurements _meters = new();
    private PresenceClient _client = null!;

    public ValueTask InitializeAsync()
    {
        _client = new PresenceClient(Options(PresenceCredentials.None), _server, _server, new Random(1));
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync(_client);
        _meters.Dispose();
    }

    [Theory]
    [InlineData(ErrorReason.QuotaExceeded)]
    [InlineData(ErrorReason.StorageUnavailable)]
    [InlineData(ErrorReason.OwnerUnavailable)]
    [InlineData(ErrorReason.OutcomeUnknown)]
    [InlineData(ErrorReason.Internal)]
    [InlineData((ErrorReason)999)]
    public async Task An_end_that_is_rejected_for_a_reason_that_passes_is_repeated_until_it_is_accepted(ErrorReason reason)
    {
        var (session, stream) = await StartAsync("ada");
        var ending = session.DisposeAsync().AsTask();
        Assert.Equal(["ada"], await stream.NextEndsAsync());

        for (var attempt = 0; attempt < 3; attempt++)
        {
            await RejectEndAsync(stream, reason);
            Assert.False(session.Ended.IsCompleted);
            _clock.Advance(Delay * Math.Pow(2, attempt));
            Assert.Equal(["ada"], await stream.NextEndsAsync());
        }
        stream.Reply(FakeServer.Accepts(1));

        Assert.Equal(SessionEndReason.Disposed, (await Barrier.Within(session.Ended, "the session ended")).Reason);
        await Barrier.Within(ending, "the session was disposed of");
    }

    [Fact]
    public async Task An_end_is_repeated_until_the_lease_has_run_out_since_the_session_was_disposed()
    {
        var (session, stream) = await StartAsync("ada");
        var ending = session.DisposeAsync().AsTask();
        await stream.NextEndsAsync();

        for (var waited = TimeSpan.Zero; waited < SessionTimeout; waited += TimeSpan.FromSeconds(25))
        {
            await RejectEndAsync(stream, ErrorReason.QuotaExceeded);
            Assert.False(session.Ended.IsCompleted);
            _clock.Advance(TimeSpan.FromSeconds(25));
            if (waited + TimeSpan.FromSeconds(25) < SessionTimeout)
                await stream.NextEndsAsync();
        }

        Assert.Equal(SessionEndReason.Disposed, (await Barrier.Within(session.Ended, "the session ended")).Reason);
        Assert.True(stream.IsQuiet);
        await Barrier.Within(ending, "the session was disposed of");
    }

    [Theory]
    [InlineData(ErrorReason.UserNotFound)]
    [InlineData(ErrorReason.SessionEnded)]
    [InlineData(ErrorReason.FieldInvalid)]
    [InlineData(ErrorReason.PermissionDenied)]
    public async Task An_end_that_is_rejected_for_good_is_over(ErrorReason reason)
    {
        var (session, stream) = await StartAsync("ada");
        var ending = session.DisposeAsync().AsTask();
        await stream.NextEndsAsync();

        stream.Reject(reason);

        Assert.Equal(SessionEndReason.Disposed, (await Barrier.Within(session.Ended, "the session ended")).Reason);
        await Barrier.Within(ending, "the session was disposed of");
    }

    [Fact]
    public async Task Disposal_of_the_client_repeats_a_rejected_end()
    {
        var (session, stream) = await StartAsync("ada");
        var disposing = _client.DisposeAsync().AsTask();
        await stream.NextEndsAsync();
        stream.Reject(ErrorReason.QuotaExceeded);
        stream.Fail(FakeServer.Broken()); // the client has closed it

        var next = await _server.NextStartedStreamAsync();
        _clock.Advance(Delay);
        Assert.Equal(["ada"], await next.NextEndsAsync());
        next.Reply(FakeServer.Accepts(1));
        next.Fail(FakeServer.Broken());

        Assert.Equal(SessionEndReason.Disposed, (await Barrier.Within(session.Ended, "the session ended")).Reason);
        await Barrier.Within(disposing, "the client was disposed of");
    }

    [Theory]
    [InlineData(ErrorReason.StorageUnavailable)]
    [InlineData(ErrorReason.QuotaExceeded)]
    [InlineData(ErrorReason.OwnerUnavailable)]
    public async Task A_start_that_is_rejected_for_a_reason_that_passes_is_repeated_until_it_is_accepted(ErrorReason reason)
    {
        var starting = _client.StartSessionAsync("ada");
        var stream = await _server.NextStartedStreamAsync();
        Assert.Single((await stream.NextAsync()).Beats.Beats);

        for (var attempt = 0; attempt < 3; attempt++)
        {
            await RejectBeatAsync(stream, reason);
            Assert.False(starting.IsCompleted);
            _clock.Advance(Delay * Math.Pow(2, attempt));
            Assert.Equal("ada", Assert.Single((await stream.NextAsync()).Beats.Beats).UserKey);
        }
        stream.Reply(FakeServer.Accepts(1));

        await Barrier.Within(starting, "the session started");
    }

    [Fact]
    public async Task A_start_that_is_rejected_for_good_after_one_that_passes_fails()
    {
        var starting = _client.StartSessionAsync("ada");
        var stream = await _server.NextStartedStreamAsync();
        await stream.NextAsync();
        await RejectBeatAsync(stream, ErrorReason.StorageUnavailable);
        _clock.Advance(Delay);
        await stream.NextAsync();

        stream.Reject(ErrorReason.UserNotFound);

        var error = await Assert.ThrowsAsync<PresenceException>(() => Barrier.Within(starting, "the start failed"));
        Assert.Equal((StatusCode.NotFound, ErrorReason.UserNotFound), (error.StatusCode, error.Reason));
    }

    [Theory]
    [InlineData(ErrorReason.OwnerUnavailable)]
    [InlineData(ErrorReason.OutcomeUnknown)]
    public async Task A_heartbeat_that_may_not_have_counted_is_repeated_before_the_next_one(ErrorReason reason)
    {
        var (_, stream) = await StartAsync("ada");
        _clock.Advance(TimeSpan.FromSeconds(30));
        await stream.NextAsync();
        await RejectBeatAsync(stream, reason);

        _clock.Advance(Delay);

        Assert.Equal(["ada"], await stream.NextBeatsAsync());
    }

    [Theory]
    [InlineData("CREDENTIALS_INVALID", false)] // a node that does not know the key yet
    [InlineData("API_KEY_REVOKED", true)]
    public async Task An_API_key_that_was_accepted_before_ends_a_session_only_once_it_is_revoked(string reason, bool ends)
    {
        await using var client = new PresenceClient(Options(PresenceCredentials.ApiKey("SK1", "secret")), _server, _server, new Random(1));
        var (session, stream) = await StartAsync("ada", client);
        var waiting = _clock.WhenTimerCreated(due => due > TimeSpan.Zero && due < Delay);

        stream.Fail(FakeServer.Error(StatusCode.Unauthenticated, reason));

        if (ends)
        {
            Assert.Equal(SessionEndReason.Rejected, (await Barrier.Within(session.Ended, "the session ended")).Reason);
            return;
        }
        _clock.Advance(await Barrier.Within(waiting, "the client waited"));
        await _server.NextStartedStreamAsync();
        Assert.False(session.Ended.IsCompleted);
        await EndAsync(client);
    }

    [Fact]
    public async Task An_API_key_that_was_accepted_before_lets_a_watch_wait_too()
    {
        await using var client = new PresenceClient(Options(PresenceCredentials.ApiKey("SK1", "secret")), _server, _server, new Random(1));
        await StartAsync("ada", client);
        var waiting = _clock.WhenTimerCreated(due => due > TimeSpan.Zero && due < Delay);
        var watching = client.WatchAsync(WatchOptions.Everybody);

        (await _server.NextStreamAsync()).Fail(FakeServer.Error(StatusCode.Unauthenticated, "CREDENTIALS_INVALID"));

        _clock.Advance(await Barrier.Within(waiting, "the watch waited"));
        (await _server.NextStreamAsync()).SendSnapshot("t1");
        await Barrier.Within(watching, "the watch was synced");
        await EndAsync(client);
    }

    [Fact]
    public async Task An_API_key_that_no_server_has_known_for_five_minutes_ends_a_session()
    {
        await using var client = new PresenceClient(Options(PresenceCredentials.ApiKey("SK1", "secret")), _server, _server, new Random(1));
        var (session, stream) = await StartAsync("ada", client);
        var waiting = _clock.WhenTimerCreated(due => due > TimeSpan.Zero && due < Delay);
        stream.Fail(FakeServer.Error(StatusCode.Unauthenticated, "CREDENTIALS_INVALID"));
        await Barrier.Within(waiting, "the client waited");

        _clock.Advance(TimeSpan.FromMinutes(5));
        (await _server.NextStreamAsync()).Fail(FakeServer.Error(StatusCode.Unauthenticated, "CREDENTIALS_INVALID"));

        var end = await Barrier.Within(session.Ended, "the session ended");
        Assert.Equal((SessionEndReason.Rejected, ErrorReason.CredentialsInvalid), (end.Reason, end.Error!.Reason));
    }

    [Theory]
    [InlineData("CREDENTIALS_INVALID")]
    [InlineData("API_KEY_REVOKED")]
    public async Task An_API_key_that_was_never_accepted_fails_the_start_of_a_session(string reason)
    {
        await using var client = new PresenceClient(Options(PresenceCredentials.ApiKey("SK1", "secret")), _server, _server, new Random(1));
        var starting = client.StartSessionAsync("ada");

        (await _server.NextStreamAsync()).Fail(FakeServer.Error(StatusCode.Unauthenticated, reason));

        await Assert.ThrowsAsync<PresenceException>(() => Barrier.Within(starting, "the start failed"));
    }

    [Fact]
    public async Task Single_calls_repeat_a_rejected_end_after_the_delay_that_the_server_asks_for()
    {
        var asked = TimeSpan.FromSeconds(20);
        var session = await StartUnaryAsync();
        _server.OnEnd = _ => throw FakeServer.Error(StatusCode.ResourceExhausted, "QUOTA_EXCEEDED", asked);
        var ending = session.DisposeAsync().AsTask();
        await _server.NextEndAsync();
        await _meters.UntilAsync("presence.client.ends outcome=QuotaExceeded", 1);
        _server.OnEnd = _ => new EndSessionResponse();

        _clock.Advance(asked - TimeSpan.FromSeconds(1));
        Assert.False(session.Ended.IsCompleted);
        _clock.Advance(TimeSpan.FromSeconds(1) + Delay);

        Assert.Equal("ada", (await _server.NextEndAsync()).UserKey);
        Assert.Equal(SessionEndReason.Disposed, (await Barrier.Within(session.Ended, "the session ended")).Reason);
        await Barrier.Within(ending, "the session was disposed of");
    }

    private PresenceClientOptions Options(PresenceCredentials credentials) => new()
    {
        Address = Network.Address,
        ServiceSid = TestClient.ServiceSid,
        Credentials = credentials,
        TimeProvider = _clock,
        MeterFactory = _meters,
        ReconnectDelay = Delay,
    };

    // The server of the test answers no end any more.
    private async Task EndAsync(PresenceClient client)
    {
        var disposing = client.DisposeAsync().AsTask();
        while (!disposing.IsCompleted)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
        await disposing;
    }

    private async Task<(IPresenceSession Session, FakeStream Stream)> StartAsync(string user, PresenceClient? client = null)
    {
        var starting = (client ?? _client).StartSessionAsync(user);
        var stream = await _server.NextStartedStreamAsync();
        await stream.NextBeatsAsync();
        return (await Barrier.Within(starting, "the session started"), stream);
    }

    // Streams break, and single calls work.
    private async Task<IPresenceSession> StartUnaryAsync()
    {
        _server.OnHeartbeat = _ => new HeartbeatResponse
        {
            HeartbeatInterval = FakeServer.Accepts().HeartbeatInterval,
            SessionTimeout = FakeServer.Accepts().SessionTimeout,
        };
        var starting = _client.StartSessionAsync("ada");
        for (var stream = 0; stream < 2; stream++)
        {
            var waiting = _clock.WhenTimerCreated(due => due > TimeSpan.Zero && due < TimeSpan.FromSeconds(3));
            (await _server.NextStreamAsync()).Fail(new RpcException(new Status(StatusCode.Unimplemented, "A proxy does not know it.")));
            _clock.Advance(await Barrier.Within(waiting, "the client waited"));
        }
        await _meters.UntilAsync("presence.client.connections kind=unary", 1);
        return await Barrier.Within(starting, "the session started");
    }

    private Task RejectBeatAsync(FakeStream stream, ErrorReason reason) => RejectAsync(stream, reason, "heartbeats");

    private Task RejectEndAsync(FakeStream stream, ErrorReason reason) => RejectAsync(stream, reason, "ends");

    // Waits until the client has taken the rejection in.
    private async Task RejectAsync(FakeStream stream, ErrorReason reason, string what)
    {
        var outcome = $"presence.client.{what} outcome={reason}";
        var rejected = _meters[outcome];
        stream.Reject(reason);
        await _meters.UntilAsync(outcome, rejected + 1);
    }
}
