using System.Diagnostics.Metrics;
using System.Net;
using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using ErrorReason = GrpcPresence.Core.Domain.Errors.ErrorReason;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>Failed authentications are counted, logged in bounded form and slowed down. Valid credentials never wait.</summary>
public sealed class FailedAuthenticationTests : IDisposable
{
    private static readonly PresenceException Invalid = new(
        ErrorReason.CredentialsInvalid, "Invalid credentials.");

    private readonly FakeTimeProvider _time = new();
    private readonly PresenceMetrics _metrics = new();
    private readonly LogRecorder _log = new();
    private readonly LoggerFactory _loggers;
    private readonly FailedAuthentications _failures;

    public FailedAuthenticationTests()
    {
        _loggers = new LoggerFactory([_log]);
        _failures = new FailedAuthentications(_metrics, _time, _loggers.CreateLogger<FailedAuthentications>());
    }

    public void Dispose()
    {
        _loggers.Dispose();
        _log.Dispose();
        _metrics.Dispose();
    }

    [Theory]
    [InlineData(WatchTransport.Grpc)]
    [InlineData(WatchTransport.GrpcWeb)]
    [InlineData(WatchTransport.GrpcWebText)]
    public async Task Slowed_a_peer_that_keeps_failing_waits_for_its_answers_and_valid_credentials_do_not(WatchTransport transport)
    {
        await using var guarded = await GuardedServer.StartAsync(settings => settings with { RestPort = 0 });
        var wrong = GuardedServer.Basic("SK" + new string('0', 32), "a wrong secret");
        for (var i = 0; i < Limits.MinBurst; i++)
            Assert.Equal("CREDENTIALS_INVALID", (await CallError.Of(ReadAsync(wrong))).Reason);

        var hold = guarded.Timers.WhenTimerSet(due => due == Limits.FailedAuthenticationDelay);
        var held = ReadAsync(wrong).ResponseAsync;
        await Fixture.Barrier.Within(hold, "the server delayed the answer");
        var key = await guarded.NewKeyAsync(ApiKeyRole.Service);
        await ReadAsync(guarded.Admin);
        await ReadAsync(GuardedServer.Basic(key));
        await ReadAsync(guarded.Bearer(key, "ada"));
        Assert.False(held.IsCompleted, "The server did not delay the answer.");

        guarded.Time.Advance(Limits.FailedAuthenticationDelay);
        var rejected = CallError.Of(() => held);
        await Fixture.Barrier.Within(rejected, "the server sent the answer");
        Assert.Equal("CREDENTIALS_INVALID", (await rejected).Reason);

        AsyncUnaryCall<ListUsersResponse> ReadAsync(string credentials) =>
            guarded.UsersAs(credentials, transport).ListUsersAsync(new ListUsersRequest { ServiceSid = guarded.Own });
    }

    [Fact]
    public async Task Bounded_only_some_answers_of_a_network_wait_and_the_others_come_at_once()
    {
        var answers = Enumerable.Range(0, 1000).Select(i => Fail("2001:db8:0:1::" + i.ToString("x"))).ToList();

        Assert.Equal(Limits.HeldFailedAuthenticationsPerNetwork, _failures.Held);
        Assert.Equal(Limits.HeldFailedAuthenticationsPerNetwork, answers.Count(answer => !answer.IsCompleted));
        Assert.Equal(
            (Limits.MinBurst, 1000 - Limits.MinBurst - Limits.HeldFailedAuthenticationsPerNetwork),
            (CountOf("CredentialsInvalid"), CountOf("QuotaExceeded")));
        Assert.All(
            answers.Where(answer => answer.IsCompleted).Select(answer => answer.Result).Where(error => error.RetryAfter is not null),
            error => Assert.Equal("failed_authentications_per_second", error.Details["quota"]));
        Assert.True(Fail("2001:db8:0:2::1").IsCompleted, "Another network was slowed down.");

        _time.Advance(Limits.FailedAuthenticationDelay);
        await Task.WhenAll(answers);
        Assert.Equal(0, _failures.Held);

        int CountOf(string reason) => answers.Count(answer => answer.IsCompleted && answer.Result.Reason.ToString() == reason);
    }

    [Theory]
    [InlineData(WatchTransport.Grpc)]
    [InlineData(WatchTransport.GrpcWeb)]
    [InlineData(WatchTransport.GrpcWebText)]
    public async Task Reason_many_clients_of_one_address_that_repeat_an_old_secret_all_get_its_reason(WatchTransport transport)
    {
        const int Clients = 200;
        await using var guarded = await GuardedServer.StartAsync(settings => settings with { RestPort = 0 });
        var key = await guarded.NewKeyAsync(ApiKeyRole.Service);
        await guarded.Keys.RotateApiKeyAsync(new RotateApiKeyRequest { ApiKeySid = key.ApiKey.Sid });
        await guarded.Keys.RotateApiKeyAsync(new RotateApiKeyRequest { ApiKeySid = key.ApiKey.Sid });
        await CallError.Of(ReadAsync());

        var answers = Enumerable.Range(0, Clients).Select(_ => CallError.Of(ReadAsync())).ToList();

        var prompt = Clients - Limits.HeldFailedAuthenticationsPerNetwork;
        for (var answered = 0; answered < prompt; answered++)
        {
            var next = Task.WhenAny(answers);
            await Fixture.Barrier.Within(next, "the server answered without a delay");
            Assert.Equal("CREDENTIALS_INVALID", (await await next).Reason);
            answers.Remove(await next);
        }
        guarded.Time.Advance(Limits.FailedAuthenticationDelay);
        Assert.All(await Task.WhenAll(answers), answer => Assert.Equal("CREDENTIALS_INVALID", answer.Reason));

        AsyncUnaryCall<ListUsersResponse> ReadAsync() =>
            guarded.UsersAs(GuardedServer.Basic(key), transport).ListUsersAsync(new ListUsersRequest { ServiceSid = guarded.Own });
    }

    [Fact]
    public async Task Reason_credentials_that_are_rejected_again_get_it_also_when_no_answer_may_wait()
    {
        for (var i = 0; i < Limits.MinBurst + Limits.HeldFailedAuthenticationsPerNetwork; i++)
            _ = Fail("10.0.0.1");

        Assert.Equal(ErrorReason.QuotaExceeded, (await Fail("10.0.0.1")).Reason);
        Assert.Equal(ErrorReason.CredentialsInvalid, (await Fail("10.0.0.1", isRepeated: true)).Reason);
    }

    [Fact]
    public async Task Bounded_all_networks_together_hold_a_limited_number_of_answers()
    {
        var answers = (from network in Enumerable.Range(0, 100)
                       from failure in Enumerable.Range(0, 30)
                       select Fail($"10.0.{network}.1")).ToList();

        Assert.Equal(Limits.HeldFailedAuthentications, _failures.Held);
        _time.Advance(Limits.FailedAuthenticationDelay);
        await Task.WhenAll(answers);
        Assert.Equal(0, _failures.Held);
    }

    [Fact]
    public void Bounded_a_limited_number_of_networks_is_remembered()
    {
        for (var i = 0; i < 3 * Limits.FailedAuthenticationNetworks; i++)
            _ = Fail(new IPAddress([10, (byte)(i >> 16), (byte)(i >> 8), (byte)i]).ToString());

        Assert.InRange(_failures.Networks, Limits.FailedAuthenticationNetworks / 2, Limits.FailedAuthenticationNetworks);
    }

    [Fact]
    public async Task Bounded_an_answer_whose_client_disconnects_keeps_its_place_until_the_wait_is_over()
    {
        using var disconnected = new CancellationTokenSource();
        for (var i = 0; i < Limits.MinBurst; i++)
            await Fail("10.0.0.1");
        var held = Fail("10.0.0.1", disconnected: disconnected.Token);
        Assert.Equal(1, _failures.Held);

        await disconnected.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => held);
        Assert.Equal(1, _failures.Held);
        _time.Advance(Limits.FailedAuthenticationDelay);
        Assert.Equal(0, _failures.Held);
    }

    [Theory]
    [InlineData(ErrorReason.CredentialsRequired)]
    [InlineData(ErrorReason.AccessTokenExpired)]
    [InlineData(ErrorReason.ApiKeyRevoked)]
    public void A_caller_that_does_not_guess_is_not_slowed_down(ErrorReason reason)
    {
        for (var i = 0; i < 100; i++)
            Assert.True(Fail("10.0.0.1", error: new(reason, "")).IsCompleted);
    }

    [Fact]
    public void Logged_a_million_failures_leave_at_most_100_entries_and_say_how_many_there_were()
    {
        // Half an hour of 555 a second, from 50 networks.
        for (var i = 0; i < 1_000_000; i++)
        {
            if (i % 555 == 0)
                _time.Advance(TimeSpan.FromSeconds(1));
            _ = Fail($"10.0.0.{i % 50}", error: new(ErrorReason.AccessTokenExpired, ""));
        }

        Assert.InRange(_log.Entries.Count, 30, 100);
        var counted = _log.Entries.Sum(entry => long.Parse(entry.Text[(entry.Text.LastIndexOf(' ') + 1)..]));
        Assert.InRange(counted, 950_000, 1_000_000);
    }

    [Fact]
    public async Task Counted_each_failure_has_its_kind_and_reason_and_no_entry_contains_credentials()
    {
        await using var guarded = await GuardedServer.StartAsync();
        var counts = new Dictionary<string, long>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, own) =>
        {
            if (instrument.Name == "presence.authentication.failures")
                own.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            var key = string.Join(' ', tags.ToArray().Select(tag => tag.Value));
            lock (counts)
                counts[key] = counts.GetValueOrDefault(key) + value;
        });
        listener.Start();
        var sid = "SK" + new string('0', 31) + "7";

        foreach (var credentials in new[] { null, GuardedServer.Basic(sid, "a-wrong-secret"), "Bearer a.b.c", "Digest x" })
            await CallError.Of(guarded.ReadAsync(credentials));

        // Tests of other servers of this process may run at the same time.
        foreach (var key in new[]
            { "none CREDENTIALS_REQUIRED", "basic CREDENTIALS_INVALID", "bearer ACCESS_TOKEN_MALFORMED", "other CREDENTIALS_INVALID" })
        {
            Assert.True(counts.GetValueOrDefault(key) >= 1, $"Not counted: {key}. Counted: {string.Join(", ", counts.Keys)}.");
        }
        var entry = Assert.Single(guarded.Server.Log.Problems);
        Assert.Contains("from 127.0.0.1: CREDENTIALS_REQUIRED", entry.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(guarded.Server.Log.Entries, entry => entry.Text.Contains("a-wrong-secret", StringComparison.Ordinal)
            || entry.Text.Contains(sid, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("127.0.0.1", "198.51.100.7", "198.51.100.7")]
    [InlineData("127.0.0.1", "203.0.113.1, 2001:db8:1:2:3::4", "2001:db8:1:2::/64")]
    [InlineData("127.0.0.1", "nonsense", "127.0.0.1")]
    [InlineData("10.0.0.1", "198.51.100.7", "127.0.0.1")]
    public async Task Slowed_behind_a_trusted_proxy_the_address_of_the_client_counts(string trusted, string forwarded, string network)
    {
        var proxies = TrustedNetworks.Read(trusted);
        await using var guarded = await GuardedServer.StartAsync(settings => settings with { TrustedProxies = proxies });
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/Services");
        request.Headers.Add("X-Forwarded-For", forwarded);

        using var response = await guarded.Server.Rest.SendAsync(request, TestRun.Token);

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Contains($"from {network}:", Assert.Single(guarded.Server.Log.Problems).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("203.0.113.7", "203.0.113.7")]
    [InlineData("::ffff:203.0.113.7", "203.0.113.7")]
    [InlineData("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64")]
    [InlineData("::1", "::/64")]
    public void A_network_is_an_IPv4_address_or_64_bits_of_an_IPv6_address(string address, string network)
    {
        Assert.Equal(network, PeerNetwork.Of(IPAddress.Parse(address)).ToString());
    }

    private Task<PresenceException> Fail(
        string address, PresenceException? error = null, bool isRepeated = false, CancellationToken disconnected = default)
    {
        var context = new DefaultHttpContext { RequestAborted = disconnected };
        context.Connection.RemoteIpAddress = IPAddress.Parse(address);
        return _failures.DelayAsync(context, "basic", error ?? Invalid, isRepeated).AsTask();
    }
}
