using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Grpc.Core;
using GrpcPresence.Client.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Tests.Connections;

/// <summary>Tests access tokens against the real server, which requires credentials.</summary>
public sealed class GuardedServerTests : IAsyncLifetime
{
    // Not longer than a watch waits for a message: the server's clock does not follow the client's.
    private static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan Margin = Lifetime / 10;

    private readonly ManualClock _clock = new() { EndsShortWaits = true };
    private readonly Measurements _meters = new();
    private readonly ConcurrentQueue<string> _asked = [];
    private PresenceServer _server = null!;
    private PresenceClient _client = null!;
    private CreateApiKeyResponse _key = null!;
    private string _secret = "";

    public async ValueTask InitializeAsync()
    {
        _clock.SetUtcNow(DateTimeOffset.UtcNow); // the server's clock
        _server = await PresenceServer.StartGuardedAsync();
        UseKey(await _server.CreateKeyAsync());
        var options = TestClient.Options(_server.ServiceSid, _server.NewNetwork(), _clock);
        options.MeterFactory = _meters;
        options.Identity = "watcher";
        options.Credentials = PresenceCredentials.AccessToken((identity, _) =>
        {
            _asked.Enqueue(identity);
            return Task.FromResult(Token(identity));
        });
        _client = PresenceClient.Create(options);
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _server.DisposeAsync();
        _meters.Dispose();
    }

    [Fact]
    public async Task Sessions_and_watches_go_on_over_the_renewal_of_their_tokens()
    {
        string[] users = ["ada", "bob", "cay"];
        var sessions = await Task.WhenAll(users.Select(user => _client.StartSessionAsync(user)));
        await using var watch = await ObservedWatch.OpenAsync(_client);

        _clock.Advance(Lifetime - Margin);

        // Each has a stream with the next token, and each stream carries heartbeats.
        await _meters.UntilAsync("presence.client.connections kind=heartbeats", 6);
        await _meters.UntilAsync("presence.client.connections kind=watch", 2);
        await _meters.UntilAsync("presence.client.heartbeats outcome=accepted", 6);
        Assert.Equal(0, _meters["presence.client.disconnections"]);
        _clock.Advance(TimeSpan.FromSeconds(31));
        await _meters.UntilAsync("presence.client.heartbeats outcome=accepted", 9);
        Assert.Equal(2, _asked.Count(identity => identity == "ada"));
        Assert.All(sessions, session => Assert.False(session.Ended.IsCompleted));
        await sessions[0].DisposeAsync();
        Assert.False(await _server.IsOnlineAsync(_server.ServiceSid, "ada"));
        Assert.True(await _server.IsOnlineAsync(_server.ServiceSid, "bob"));
        await watch.UntilAsync(() => watch.Watch["ada"].IsOnline == false, "the watch saw ada go");
    }

    [Fact]
    public async Task A_refused_token_fails_the_start_of_sessions_and_watches()
    {
        _secret = "not the secret of the key";

        var session = await Assert.ThrowsAsync<PresenceException>(
            () => Barrier.Within(_client.StartSessionAsync("ada"), "the start failed"));
        var watch = await Assert.ThrowsAsync<PresenceException>(
            () => Barrier.Within(_client.WatchAsync(WatchOptions.Everybody), "the watch failed"));

        Assert.All([session, watch], error => Assert.Equal(
            (StatusCode.Unauthenticated, ErrorReason.AccessTokenSignatureInvalid), (error.StatusCode, error.Reason)));
    }

    [Fact]
    public async Task Tokens_that_are_refused_at_their_renewal_end_nothing_and_the_provider_is_asked_again()
    {
        var session = await _client.StartSessionAsync("ada");
        var watch = await _client.WatchAsync(WatchOptions.Everybody);
        var (resuming, live) = (NewSource(), NewSource());
        watch.StateChanged += (_, _) => (watch.State == WatchState.Live ? live : resuming).TrySetResult();
        _secret = "not the secret of the key";

        _clock.Advance(Lifetime - Margin);

        await Barrier.Within(resuming.Task, "the watch was interrupted");
        await UntilRefusedAsync("heartbeats", 3);
        await UntilRefusedAsync("watch", 3);
        Assert.False(session.Ended.IsCompleted);
        Assert.False(watch.Completion.IsCompleted);
        UseKey(_key);
        await Barrier.Within(live.Task, "the watch was up to date again");
        var accepted = _meters["presence.client.heartbeats outcome=accepted"]; // perhaps one more before the tokens were refused
        _clock.Advance(TimeSpan.FromSeconds(31));
        await _meters.UntilAsync("presence.client.heartbeats outcome=accepted", accepted + 1);
        await session.DisposeAsync();
        await Barrier.Within(session.Ended, "the session ended");
        Assert.False(await _server.IsOnlineAsync(_server.ServiceSid, "ada"));
    }

    [Fact]
    public async Task A_revoked_key_ends_no_session_whose_provider_has_another_one()
    {
        var session = await _client.StartSessionAsync("ada", "phone-1");
        var revoked = _key;
        UseKey(await _server.CreateKeyAsync());

        await _server.RevokeKeyAsync(revoked);
        await _meters.UntilAsync("presence.client.disconnections reason=ApiKeyRevoked", 1);
        await _meters.UntilAsync("presence.client.connections kind=heartbeats", 2);
        _clock.Advance(TimeSpan.FromSeconds(31));
        await _meters.UntilAsync("presence.client.heartbeats outcome=accepted", 2);

        Assert.False(session.Ended.IsCompleted);
        await session.DisposeAsync();
        Assert.False(await _server.IsOnlineAsync(_server.ServiceSid, "ada"));
    }

    [Fact]
    public async Task A_revoked_key_fails_the_start_of_sessions_and_watches_whose_provider_has_no_other_one()
    {
        await _server.RevokeKeyAsync(_key);

        var session = await Assert.ThrowsAsync<PresenceException>(
            () => Barrier.Within(_client.StartSessionAsync("ada"), "the start failed"));
        var watch = await Assert.ThrowsAsync<PresenceException>(
            () => Barrier.Within(_client.WatchAsync(WatchOptions.Everybody), "the watch failed"));

        Assert.All([session, watch], error => Assert.Equal(
            (StatusCode.Unauthenticated, ErrorReason.ApiKeyRevoked), (error.StatusCode, error.Reason)));
        Assert.Equal(2, _asked.Count(identity => identity == "ada"));
    }

    [Fact]
    public async Task A_revoked_key_ends_no_session_whose_provider_gets_another_one_later()
    {
        var session = await _client.StartSessionAsync("ada");

        await _server.RevokeKeyAsync(_key);
        await _meters.UntilAsync("presence.client.disconnections reason=ApiKeyRevoked", 3);
        UseKey(await _server.CreateKeyAsync());

        _clock.Advance(TimeSpan.FromSeconds(31));
        await _meters.UntilAsync("presence.client.heartbeats outcome=accepted", 2);
        Assert.False(session.Ended.IsCompleted);
    }

    private async Task UntilRefusedAsync(string kind, int times)
    {
        await _meters.UntilAsync("presence.client.disconnections reason=AccessTokenSignatureInvalid", times);
        await _meters.UntilAsync($"presence.client.disconnections kind={kind}", times);
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void UseKey(CreateApiKeyResponse key) => (_key, _secret) = (key, key.Secret);

    private string Token(string identity)
    {
        var now = DateTimeOffset.UtcNow;
        var claims = new JsonObject
        {
            ["jti"] = $"{_asked.Count}",
            ["iss"] = _key.ApiKey.Sid,
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = (_clock.GetUtcNow() + Lifetime).ToUnixTimeSeconds(),
            ["grants"] = new JsonObject { ["identity"] = identity, ["chat"] = new JsonObject { ["service_sid"] = _server.ServiceSid } },
        };
        var signed = $"{Part("""{"alg":"HS256","typ":"JWT"}""")}.{Part(claims.ToJsonString())}";
        var signature = HMACSHA256.HashData(Encoding.UTF8.GetBytes(_secret), Encoding.UTF8.GetBytes(signed));
        return $"{signed}.{Base64Url.EncodeToString(signature)}";
    }

    private static string Part(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));
}
