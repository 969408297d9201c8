using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Text;
using Grpc.Core;
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
    private PresenceClient _client = null!;
    private Exception? _failure;

    public ValueTask InitializeAsync()
    {
        _client = new PresenceClient(
            new PresenceClientOptions
            {
                Address = Network.Address,
                ServiceSid = "IS1",
                Identity = "watcher",
                TimeProvider = _clock,
                EndTimeout = TimeSpan.Zero,
                ReconnectDelay = TimeSpan.FromMilliseconds(1),
                MaxReconnectDelay = TimeSpan.FromMilliseconds(1),
                Credentials = PresenceCredentials.AccessToken((identity, _) =>
                {
                    _asked.Enqueue(identity);
                    return _failure is null ? Task.FromResult(Token(identity)) : Task.FromException<string>(_failure);
                }),
            },
            _server,
            _server);
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => _client.DisposeAsync();

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
        while (_asked.Count < 3)
            await Task.Yield();

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
        Assert.False(stream.Left.IsCompleted);
        _failure = null;
        _clock.Advance(Margin / 2);

        Assert.NotEqual(stream.Authorization, (await _server.NextStreamAsync()).Authorization);
        Assert.Equal(3, _asked.Count);
    }

    [Fact]
    public async Task A_watch_with_access_tokens_acts_for_somebody()
    {
        await using var client = new PresenceClient(
            new PresenceClientOptions
            {
                Address = Network.Address,
                ServiceSid = "IS1",
                Credentials = PresenceCredentials.AccessToken((_, _) => Task.FromResult("token")),
            },
            _server,
            _server);

        await Assert.ThrowsAsync<InvalidOperationException>(() => client.WatchAsync(WatchOptions.Everybody));
    }

    [Fact]
    public void Credentials_do_not_leave_the_machine_without_TLS()
    {
        var options = new PresenceClientOptions
        {
            Address = new Uri("http://presence:5080"),
            ServiceSid = "IS1",
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

    private string Token(string identity)
    {
        var claims = $$"""{"exp":{{(_clock.GetUtcNow() + Lifetime).ToUnixTimeSeconds()}},"for":"{{identity}} {{_asked.Count}}"}""";
        return $"e30.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims))}.signature";
    }
}
