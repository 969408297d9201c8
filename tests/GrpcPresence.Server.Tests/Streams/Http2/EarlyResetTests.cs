using System.Net;
using Grpc.Core;
using Grpc.Core.Interceptors;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Streams.Http2;
using GrpcPresence.Server.Streams.Requests;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Streams.Http2;

/// <summary>Tests what resets of requests that the server serves cost the connection and their caller.</summary>
public sealed class EarlyResetTests
{
    private const string Delayed = "/delayed";
    private const string Connection = "/connection";
    private const string Heartbeats = "/presence.v1.UserService/StreamHeartbeats";

    private readonly TaskCompletionSource _allBegan = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _toBegin;

    [Fact]
    public async Task Many_calls_that_the_server_delays_may_end_early_and_their_connection_stays()
    {
        Assert.True(await StaysOpenAsync(resets: ConnectionRequests.ServedEarlyEnds, FloodLimit.Early / 2));
    }

    [Fact]
    public async Task A_connection_ends_whose_client_resets_even_more_requests()
    {
        Assert.False(await StaysOpenAsync(resets: ConnectionRequests.ServedEarlyEnds + (2 * FloodLimit.EarlyEnds), FloodLimit.Early / 2));
    }

    [Fact]
    public async Task Bounded_a_call_that_its_client_resets_early_counts_as_open_for_up_to_a_second()
    {
        var defaults = new QuotaSettings();
        await using var guarded = await GuardedServer.StartAsync(
            settings => settings with { Quotas = defaults with { ApiKey = defaults.ApiKey with { OpenRequests = 1 } } });
        using var channel = guarded.Server.OpenChannel();
        var users = new UserService.UserServiceClient(channel.Intercept(headers =>
        {
            headers.Add("authorization", guarded.Admin);
            return headers;
        }));
        var call = users.StreamHeartbeats(cancellationToken: TestRun.Token);
        await guarded.Server.Reads.BeginAsync(Heartbeats);

        call.Dispose(); // on the same connection, so that the server sees the reset before the next call

        Assert.Equal("open_requests", (await ReadAsync()).Metadata["quota"]);
        guarded.Time.Advance(OpenRequests.Interval);
        await Barrier.Within(UntilServedAsync(), "the server gave the place back");

        Task<CallError> ReadAsync() => CallError.Of(
            users.GetUserAsync(new GetUserRequest { ServiceSid = guarded.Own, UserKey = "ada" }, cancellationToken: TestRun.Token));

        async Task UntilServedAsync()
        {
            while ((await ReadAsync()).Code != StatusCode.NotFound)
                guarded.Time.Advance(TimeSpan.FromMilliseconds(100)); // beyond 50 a second, rejections wait
        }
    }

    /// <summary>Resets requests that the server serves, and returns whether their connection is still open.</summary>
    private async Task<bool> StaysOpenAsync(int resets, TimeSpan after)
    {
        var time = new FakeTimeProvider();
        await using var server = await TestServer.StartAsync(Map, time);
        using var client = new HttpClient
        {
            BaseAddress = server.Address,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        var connection = await client.GetStringAsync(Connection, TestRun.Token);
        _toBegin = resets;
        using var deadline = new CancellationTokenSource();
        var calls = Enumerable.Range(0, resets).Select(_ => client.GetStringAsync(Delayed, deadline.Token)).ToArray();
        await Barrier.Within(_allBegan.Task, "all calls began");

        time.Advance(after);
        await deadline.CancelAsync();

        await Task.WhenAll(calls.Select(call => Assert.ThrowsAnyAsync<OperationCanceledException>(() => call)));
        return await client.GetStringAsync(Connection, TestRun.Token) == connection;
    }

    private void Map(WebApplication app)
    {
        app.MapGet(Connection, (HttpContext http) => http.Connection.Id);
        app.MapGet(Delayed, async http =>
        {
            http.Features.Set(new CallScope(Caller.Operator)); // an authenticated request, which takes no place of an anonymous one
            if (Interlocked.Decrement(ref _toBegin) == 0)
                _allBegan.SetResult();
            await Task.Delay(Timeout.Infinite, http.RequestAborted);
        }).WithMetadata(AuthenticatesFirst.Instance);
    }
}
