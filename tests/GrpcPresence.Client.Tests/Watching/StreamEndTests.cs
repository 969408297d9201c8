using System.Diagnostics.Metrics;
using Grpc.Core;
using GrpcPresence.Client.Tests.Fixture;
using GrpcPresence.V1;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Client.Tests.Watching;

/// <summary>Tests how a watch goes on after each end of its stream, against a server that the test plays.</summary>
public sealed class StreamEndTests : IAsyncLifetime
{
    private readonly ManualClock _clock = new() { EndsShortWaits = true };
    private readonly FakeServer _server = new();
    private readonly Measurements _meters = new();
    private PresenceClient _client = null!;

    public ValueTask InitializeAsync()
    {
        _client = NewClient(_meters);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        _meters.Dispose();
    }

    [Theory]
    [InlineData(StatusCode.Unavailable, "SERVER_STOPPING")]
    [InlineData(StatusCode.Unavailable, "WATCH_STALLED")]
    [InlineData(StatusCode.Unavailable, "STORAGE_UNAVAILABLE")]
    [InlineData(StatusCode.ResourceExhausted, "QUOTA_EXCEEDED")]
    [InlineData(StatusCode.Internal, "INTERNAL")]
    [InlineData(StatusCode.Unavailable, null)]
    [InlineData(StatusCode.Internal, null)]
    [InlineData(StatusCode.PermissionDenied, null)]
    public async Task A_watch_resumes_with_its_last_token_after(StatusCode status, string? reason)
    {
        var (stream, watch) = await WatchAsync();

        stream.Fail(reason is null ? new RpcException(new Status(status, "in between")) : FakeServer.Error(status, reason));

        var next = await _server.NextStreamAsync();
        Assert.Equal("t1", next.Watch!.ResumeToken);
        Assert.Equal(WatchState.Resuming, watch.State);
        Assert.True(watch["ada"].Exists);
        next.Send(new WatchUsersResponse { Synced = new WatchSynced(), ResumeToken = "t2" });
        await _meters.UntilAsync("presence.client.connections", 2);
    }

    [Fact]
    public async Task A_list_that_changes_after_the_call_does_not_change_what_is_watched()
    {
        List<string> keys = ["ada"];
        List<UpdateReason> reasons = [UpdateReason.Created];
        var watching = _client.WatchAsync(new WatchOptions { UserKeys = keys, Reasons = reasons });
        var stream = await _server.NextStreamAsync();
        keys.Add("bob");
        reasons.Clear();

        stream.Fail(FakeServer.Broken());

        var request = (await _server.NextStreamAsync()).Watch!;
        Assert.Equal(["ada"], request.UserKeys);
        Assert.Equal([UpdateReason.Created], request.Reasons);
        Assert.False(watching.IsCompleted);
    }

    [Fact]
    public async Task A_watch_of_wrong_users_or_reasons_fails_at_once_and_names_them_all()
    {
        var options = new WatchOptions { UserKeys = ["ada", null!, "", new('k', 257)], Reasons = [UpdateReason.Unspecified] };

        var error = await Assert.ThrowsAsync<ArgumentException>(() => _client.WatchAsync(options));

        Assert.All(
            ["UserKeys[1]", "UserKeys[2]", "UserKeys[3]", "Reasons[0]"],
            name => Assert.Contains(name, error.Message, StringComparison.Ordinal));
        await Assert.ThrowsAsync<ArgumentException>(() => _client.WatchAsync(WatchOptions.For([.. Enumerable.Repeat("ada", 1001)])));
        Assert.Equal(0, _meters["presence.client.watches"]);
    }

    [Fact]
    public async Task A_watch_resumes_after_an_exception_of_any_type()
    {
        var (stream, watch) = await WatchAsync();

        stream.Fail(new InvalidOperationException("The transport of the test fails."));

        Assert.Equal("t1", (await _server.NextStreamAsync()).Watch!.ResumeToken);
        Assert.Equal(WatchState.Resuming, watch.State);
        Assert.False(watch.Completion.IsCompleted);
    }

    [Fact]
    public async Task A_watch_goes_on_while_the_log_and_a_listener_of_the_meter_fail()
    {
        using var meters = new FailingMeters();
        await using var client = NewClient(meters, new FailingLog());
        var (stream, watch) = await WatchAsync(client);

        stream.Fail(FakeServer.Broken());

        Assert.Equal("t1", (await _server.NextStreamAsync()).Watch!.ResumeToken);
        Assert.False(watch.Completion.IsCompleted);
        Assert.True(meters.HasFailed);
    }

    [Fact]
    public async Task A_stream_that_ends_because_of_its_age_is_replaced_without_being_noticed()
    {
        var (stream, watch) = await WatchAsync();
        var changes = 0;
        watch.StateChanged += (_, _) => changes++;

        stream.Fail(FakeServer.Error(StatusCode.Unavailable, "STREAM_MAX_AGE"));

        Assert.Equal("t1", (await _server.NextStreamAsync()).Watch!.ResumeToken);
        Assert.Equal((0, WatchState.Live), (changes, watch.State));
    }

    [Fact]
    public async Task A_token_that_the_server_does_not_know_is_dropped()
    {
        var (stream, _) = await WatchAsync();
        stream.Fail(FakeServer.Broken());

        stream = await _server.NextStreamAsync();
        stream.Fail(FakeServer.Error(StatusCode.InvalidArgument, "RESUME_TOKEN_INVALID"));

        Assert.Equal("", (await _server.NextStreamAsync()).Watch!.ResumeToken);
    }

    [Fact]
    public async Task A_stream_that_is_silent_for_longer_than_two_progress_messages_is_replaced()
    {
        var (stream, _) = await WatchAsync();
        _clock.Advance(TimeSpan.FromSeconds(39));
        Assert.False(stream.Left.IsCompleted);

        _clock.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal("t1", (await _server.NextStreamAsync()).Watch!.ResumeToken);
        await Barrier.Within(stream.Left, "the client left the first stream");
    }

    [Fact]
    public async Task The_time_that_a_handler_takes_is_not_a_silence_of_the_server()
    {
        var (stream, watch) = await WatchAsync();
        stream.IgnoresCancellation = true;
        using var handler = new SlowCode();
        var next = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        watch.Updated += (_, update) =>
        {
            if (update.User.Identity == "bob")
                handler.Run();
            else
                next.TrySetResult();
        };

        stream.Send(Creation("bob", "US2"));
        await Barrier.Within(handler.Begun, "the handler was called");
        _clock.Advance(TimeSpan.FromSeconds(41));
        handler.End();
        stream.Send(Creation("cyd", "US3"));

        await Barrier.Within(next.Task, "the same stream brought another update");
        stream.Fail(new RpcException(new Status(StatusCode.Internal, "in between")));
        await _server.NextStreamAsync();
        // A client that had given up the stream would call it unavailable.
        Assert.Equal(1, _meters["presence.client.disconnections reason=Internal"]);
    }

    [Fact]
    public async Task What_the_server_says_counts_although_the_client_has_left()
    {
        var (stream, watch) = await WatchAsync();
        stream.IgnoresCancellation = true;
        _clock.Advance(TimeSpan.FromSeconds(41));
        await Barrier.Within(stream.Left, "the client left the stream");

        stream.Fail(FakeServer.Error(StatusCode.PermissionDenied, "PERMISSION_DENIED"));

        var error = await Assert.ThrowsAsync<PresenceException>(() => Barrier.Within(watch.Completion, "the watch was rejected"));
        Assert.Equal(ErrorReason.PermissionDenied, error.Reason);
    }

    [Fact]
    public async Task A_snapshot_that_breaks_begins_again_and_the_state_stays()
    {
        var (stream, watch) = await WatchAsync();
        stream.Fail(FakeServer.Broken());
        stream = await _server.NextStreamAsync();
        stream.Send(
            new WatchUsersResponse { Configuration = new Configuration() },
            new WatchUsersResponse { Reset = new WatchReset { Reason = ResetReason.TimelineChanged } });
        await _meters.UntilAsync("presence.client.resets", 2);
        stream.Fail(FakeServer.Broken());

        Assert.Equal("", (await _server.NextStreamAsync()).Watch!.ResumeToken);
        Assert.True(watch["ada"].Exists);
    }

    private static WatchUsersResponse Creation(string identity, string sid) => new()
    {
        Updates = new WatchUpdates
        {
            Updates =
            {
                new V1.UserUpdate { User = new User { Identity = identity, Sid = sid }, UpdateReasons = { UpdateReason.Created } },
            },
        },
    };

    private PresenceClient NewClient(IMeterFactory meters, ILoggerFactory? log = null)
    {
        var options = new PresenceClientOptions
        {
            Address = Network.Address,
            ServiceSid = TestClient.ServiceSid,
            TimeProvider = _clock,
            MeterFactory = meters,
            LoggerFactory = log,
            ReconnectDelay = TimeSpan.FromMilliseconds(1),
            MaxReconnectDelay = TimeSpan.FromMilliseconds(1),
        };
        return new PresenceClient(options, _server, _server);
    }

    private async Task<(FakeStream Stream, IUserWatch Watch)> WatchAsync(PresenceClient? client = null)
    {
        var watching = (client ?? _client).WatchAsync(WatchOptions.Everybody);
        var stream = await _server.NextStreamAsync();
        stream.SendSnapshot("t1", new User { Identity = "ada", Sid = "US1", Revision = 1 });
        return (stream, await Barrier.Within(watching, "the watch was synced"));
    }
}
