using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Text;
using Grpc.Core;
using GrpcPresence.Client.Connections;
using GrpcPresence.Client.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Tests.Connections;

/// <summary>Tests when the provider of access tokens is asked, and what a rejected token does.</summary>
public sealed class AccessTokenTests : IAsyncLifetime
{
    // Shorter than the silence after which a watch gives its stream up. The client asks again a tenth of it before the end.
    private static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan Margin = Lifetime / 10;

    private readonly ManualClock _clock = new() { EndsShortWaits = true };
    private readonly FakeServer _server = new();
    private readonly ConcurrentQueue<string> _asked = [];
    private readonly SemaphoreSlim _askedOnce = new(0);
    private PresenceClient _client = null!;
    private Exception? _failure;
    private Func<CancellationToken, Task<string>>? _instead;
    private TimeSpan _lifetime = Lifetime;

    public ValueTask InitializeAsync()
    {
        _client = new PresenceClient(
            new PresenceClientOptions
            {
                Address = Network.Address,
                ServiceSid = TestClient.ServiceSid,
                Identity = "watcher",
                TimeProvider = _clock,
                EndTimeout = TimeSpan.Zero,
                ReconnectDelay = TimeSpan.FromMilliseconds(1),
                MaxReconnectDelay = TimeSpan.FromMilliseconds(1),
                Credentials = PresenceCredentials.AccessToken((identity, cancellationToken) =>
                {
                    _asked.Enqueue(identity);
                    _askedOnce.Release();
                    if (_instead is { } instead)
                        return instead(cancellationToken);
                    return _failure is null ? Task.FromResult(Token(identity)) : Task.FromException<string>(_failure);
                }),
            },
            _server,
            _server);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        _askedOnce.Dispose();
    }

    [Fact]
    public async Task Each_user_has_a_stream_with_their_own_token()
    {
        _ = _client.StartSessionAsync("ada");
        var first = await _server.NextStreamAsync();
        _ = _client.StartSessionAsync("bob");
        var second = await _server.NextStreamAsync();

        Assert.Equal(["ada", "bob"], _asked);
        Assert.NotEqual(first.Authorization, second.Authorization);
        Assert.StartsWith("Bearer ", first.Authorization);
    }

    [Fact]
    public async Task A_watch_gets_another_token_before_its_own_expires_and_stays_live()
    {
        var (stream, watch) = await WatchAsync();
        var states = new ConcurrentQueue<WatchState>();
        watch.StateChanged += (_, _) => states.Enqueue(watch.State);

        _clock.Advance(Lifetime - Margin);

        var next = await _server.NextStreamAsync();
        Assert.NotEqual(stream.Authorization, next.Authorization);
        Assert.Equal("t1", next.Watch!.ResumeToken);
        next.Send(new WatchUsersResponse { Synced = new WatchSynced(), ResumeToken = "t2" });
        await Barrier.Within(stream.Left, "the client left the first stream");
        Assert.Equal(2, _asked.Count);
        Assert.Empty(states);
    }

    [Fact]
    public async Task A_silent_watch_says_so_although_its_token_is_renewed_at_that_moment()
    {
        _lifetime = TimeSpan.FromSeconds(44); // the client asks for the next token in the last seconds before 40 s
        var (stream, watch) = await WatchAsync();
        stream.IgnoresCancellation = true;
        var answer = new TaskCompletionSource<string>();
        _instead = _ => answer.Task;
        _clock.Advance(TimeSpan.FromSeconds(40));
        await Barrier.Within(stream.Left, "the client left the silent stream");

        _instead = null;
        await Task.Run(() => answer.SetResult(Token("watcher")), TestContext.Current.CancellationToken);
        stream.Fail(FakeStream.Cancelled());

        var next = await _server.NextStreamAsync();
        Assert.Equal(WatchState.Resuming, watch.State);
        Assert.NotEqual(stream.Authorization, next.Authorization);
        Assert.Equal(2, _asked.Count);
    }

    [Fact]
    public async Task A_watch_whose_token_was_renewed_before_it_was_silent_stays_live()
    {
        _lifetime = TimeSpan.FromSeconds(44);
        var (stream, watch) = await WatchAsync();
        stream.IgnoresCancellation = true;
        _clock.Advance(TimeSpan.FromSeconds(39.9));
        await Barrier.Within(stream.Left, "the client left the stream");

        _clock.Advance(TimeSpan.FromSeconds(1));
        stream.Fail(FakeStream.Cancelled());

        await _server.NextStreamAsync();
        Assert.Equal(WatchState.Live, watch.State);
    }

    [Fact]
    public async Task A_watch_whose_renewed_token_the_server_rejects_meanwhile_stays_live()
    {
        var (stream, watch) = await WatchAsync();
        stream.IgnoresCancellation = true;
        _clock.Advance(Lifetime - Margin);
        await Barrier.Within(stream.Left, "the client left the stream");

        stream.Fail(FakeServer.Error(StatusCode.Unauthenticated, "ACCESS_TOKEN_EXPIRED"));

        await _server.NextStreamAsync();
        Assert.Equal(WatchState.Live, watch.State);
        Assert.Equal(2, _asked.Count);
    }

    [Fact]
    public async Task What_the_server_says_counts_although_the_token_was_renewed()
    {
        var (stream, watch) = await WatchAsync();
        stream.IgnoresCancellation = true;
        _clock.Advance(Lifetime - Margin);
        await Barrier.Within(stream.Left, "the client left the stream");

        stream.Fail(FakeServer.Error(StatusCode.Unavailable, "SERVER_STOPPING"));

        await _server.NextStreamAsync();
        Assert.Equal(WatchState.Resuming, watch.State);
    }

    [Fact]
    public async Task Heartbeats_get_another_token_before_theirs_expires()
    {
        var starting = _client.StartSessionAsync("ada");
        var stream = await _server.NextStartedStreamAsync();
        await stream.NextBeatsAsync();
        await Barrier.Within(starting, "the session started");

        _clock.Advance(Lifetime - Margin);
        stream.Fail(FakeServer.Error(StatusCode.Unauthenticated, "ACCESS_TOKEN_EXPIRED")); // in case the client has not left it

        var next = await _server.NextStreamAsync();
        Assert.NotEqual(stream.Authorization, next.Authorization);
    }

    [Fact]
    public async Task An_expired_token_is_replaced()
    {
        var (stream, watch) = await WatchAsync();

        stream.Fail(FakeServer.Error(StatusCode.Unauthenticated, "ACCESS_TOKEN_EXPIRED"));

        _clock.Advance(TimeSpan.FromSeconds(1));
        var next = await _server.NextStreamAsync();
        Assert.NotEqual(stream.Authorization, next.Authorization);
        Assert.False(watch.Completion.IsCompleted);
    }

    [Fact]
    public async Task A_new_token_that_is_wrong_in_itself_ends_the_watch()
    {
        var watching = _client.WatchAsync(WatchOptions.Everybody);
        var stream = await _server.NextStreamAsync();

        stream.Fail(FakeServer.Error(StatusCode.Unauthenticated, "ACCESS_TOKEN_SIGNATURE_INVALID"));

        var error = await Assert.ThrowsAsync<PresenceException>(() => Barrier.Within(watching, "the watch was rejected"));
        Assert.Equal((StatusCode.Unauthenticated, ErrorReason.AccessTokenSignatureInvalid), (error.StatusCode, error.Reason));
    }

    [Fact]
    public async Task A_provider_that_fails_is_asked_again()
    {
        _failure = new HttpRequestException("The provider of the test fails.");
        var watching = _client.WatchAsync(WatchOptions.Everybody);
        await UntilAskedAsync(3);

        _failure = null;

        (await _server.NextStreamAsync()).SendSnapshot("t1");
        await Barrier.Within(watching, "the watch was synced");
    }

    [Fact]
    public async Task A_provider_that_fails_before_the_expiry_leaves_the_stream_and_is_asked_again()
    {
        var (stream, _) = await WatchAsync();
        _failure = new HttpRequestException("The provider of the test fails.");

        _clock.Advance(Lifetime - Margin);
        await UntilAskedAsync(2);
        await _clock.UntilTimersAsync(1); // the client has taken the failure in
        Assert.False(stream.Left.IsCompleted);
        _failure = null;
        _clock.Advance(Margin);

        Assert.NotEqual(stream.Authorization, (await _server.NextStreamAsync()).Authorization);
        Assert.Equal(3, _asked.Count);
    }

    [Fact]
    public async Task A_provider_that_does_not_answer_is_asked_again()
    {
        _instead = static cancellationToken => Task.Delay(Timeout.Infinite, cancellationToken).ContinueWith(_ => "", TaskScheduler.Default);
        var starting = _client.StartSessionAsync("ada");
        await UntilAskedAsync(1);
        await _clock.UntilTimersAsync(2); // that of the client, and the limit of the wait
        _instead = null;

        _clock.Advance(TimeSpan.FromSeconds(31));

        var stream = await _server.NextStartedStreamAsync();
        await stream.NextBeatsAsync();
        await Barrier.Within(starting, "the session started");
    }

    [Theory]
    [InlineData("ignores it")]
    [InlineData("blocks in its registration")]
    [InlineData("blocks its thread")]
    [InlineData("throws an error of gRPC")]
    [InlineData("throws anything")]
    public async Task Disposal_does_not_wait_for_a_provider_that_is_cancelled_and(string what)
    {
        using var unblock = new ManualResetEventSlim();
        _instead = async cancellationToken =>
        {
            if (what == "blocks its thread")
                unblock.Wait(TestContext.Current.CancellationToken);
            var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var registration = cancellationToken.Register(() =>
            {
                if (what == "blocks in its registration")
                    unblock.Wait(TestContext.Current.CancellationToken);
                cancelled.TrySetResult();
            });
            await (what == "ignores it" ? Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken) : cancelled.Task);
            throw what == "throws anything" ? new FormatException(what) : FakeServer.Broken();
        };
        var starting = _client.StartSessionAsync("ada");
        var watching = _client.WatchAsync(WatchOptions.Everybody);
        await UntilAskedAsync(2);

        await Barrier.Within(_client.DisposeAsync().AsTask(), "the client was disposed of");

        unblock.Set();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Barrier.Within(starting, "the start ended"));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Barrier.Within(watching, "the watch ended"));
    }

    [Fact]
    public async Task A_provider_that_throws_an_error_of_gRPC_is_asked_again()
    {
        _failure = FakeServer.Error(StatusCode.PermissionDenied, "PERMISSION_DENIED");
        var starting = _client.StartSessionAsync("ada");
        await UntilAskedAsync(3);

        _failure = null;

        await (await _server.NextStartedStreamAsync()).NextBeatsAsync();
        await Barrier.Within(starting, "the session started");
    }

    [Fact]
    public async Task A_token_may_be_valid_for_longer_than_timers_can_wait()
    {
        _lifetime = TimeSpan.FromDays(365);
        var (_, watch) = await WatchAsync();

        var starting = _client.StartSessionAsync("ada");
        await (await _server.NextStartedStreamAsync()).NextBeatsAsync();

        await Barrier.Within(starting, "the session started");
        Assert.Equal(WatchState.Live, watch.State);
        Assert.False(watch.Completion.IsCompleted);
    }

    [Fact]
    public void Users_whose_tokens_end_together_do_not_renew_them_together()
    {
        var random = new Random(1);
        var renewals = Enumerable.Range(0, 100).Select(RenewIn).ToList();

        Assert.All(renewals, renewal => Assert.InRange(renewal, Lifetime - (2 * Margin), Lifetime - Margin));
        Assert.True(renewals.Max() - renewals.Min() > Margin / 2);

        TimeSpan RenewIn(int user)
        {
            var authorization = new Client.Connections.CallAuthorization(
                PresenceCredentials.AccessToken((_, _) => Task.FromResult(Token("ada"))), "ada", _clock, random);
            Assert.True(authorization.GetAsync(TestContext.Current.CancellationToken).AsTask().Wait(TimeSpan.FromSeconds(20)));
            return authorization.RenewIn!.Value;
        }
    }

    [Fact]
    public async Task A_client_has_one_timer_however_many_users_it_has()
    {
        const int users = 200;
        var starting = Enumerable.Range(0, users).Select(i => _client.StartSessionAsync($"user-{i}")).ToArray();
        for (var stream = 0; stream < users; stream++)
            await (await _server.NextStartedStreamAsync()).NextBeatsAsync();
        await Barrier.Within(Task.WhenAll(starting), "the sessions started");

        await _clock.UntilTimersAsync(1);
    }

    [Fact]
    public async Task A_watch_with_access_tokens_acts_for_somebody()
    {
        await using var client = new PresenceClient(
            new PresenceClientOptions
            {
                Address = Network.Address,
                ServiceSid = TestClient.ServiceSid,
                Credentials = PresenceCredentials.AccessToken((_, _) => Task.FromResult("token")),
            },
            _server,
            _server);

        await Assert.ThrowsAsync<InvalidOperationException>(() => client.WatchAsync(WatchOptions.Everybody));
    }

    [Fact]
    public async Task A_rejected_token_that_was_renewed_meanwhile_is_not_asked_for_again()
    {
        var authorization = new CallAuthorization(
            PresenceCredentials.AccessToken((identity, _) =>
            {
                _asked.Enqueue(identity);
                return Task.FromResult(Token(identity));
            }),
            "ada",
            _clock,
            Random.Shared);
        await authorization.GetAsync(TestContext.Current.CancellationToken);
        Assert.True(await authorization.TryRenewAsync(TestContext.Current.CancellationToken));

        authorization.Forget();

        await authorization.GetAsync(TestContext.Current.CancellationToken);
        Assert.Equal(2, _asked.Count);
    }

    [Fact]
    public void Credentials_do_not_leave_the_machine_without_TLS()
    {
        var options = new PresenceClientOptions
        {
            Address = new Uri("http://presence:5080"),
            ServiceSid = TestClient.ServiceSid,
            Credentials = PresenceCredentials.ApiKey("SK1", "secret"),
        };

        Assert.Throws<ArgumentException>(() => PresenceClient.Create(options));
        options.AllowCredentialsWithoutTls = true;
        PresenceClient.Create(options).Dispose();
    }

    private async Task<(FakeStream Stream, IUserWatch Watch)> WatchAsync()
    {
        var watching = _client.WatchAsync(WatchOptions.Everybody);
        var stream = await _server.NextStreamAsync();
        stream.SendSnapshot("t1");
        var watch = await Barrier.Within(watching, "the watch was synced");
        Assert.Equal(["watcher"], _asked);
        return (stream, watch);
    }

    private async Task UntilAskedAsync(int times)
    {
        while (_asked.Count < times)
            await Barrier.Within(_askedOnce.WaitAsync(TestContext.Current.CancellationToken), $"the provider was asked {times} times");
    }

    private string Token(string identity)
    {
        var claims = $$"""{"exp":{{(_clock.GetUtcNow() + _lifetime).ToUnixTimeSeconds()}},"for":"{{identity}} {{_asked.Count}}"}""";
        return $"e30.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims))}.signature";
    }
}
