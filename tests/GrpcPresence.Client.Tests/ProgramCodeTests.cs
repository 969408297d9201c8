using System.Diagnostics;
using Grpc.Core;
using GrpcPresence.Client.Tests.Fixture;
using GrpcPresence.V1;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Client.Tests;

/// <summary>
/// Tests that code of the program ends neither sessions nor watches when it fails. Those of the log, the meter and the provider of tokens
/// stand with what they interrupt.
/// </summary>
[Collection(nameof(ProgramCodeCollection))]
public sealed class ProgramCodeTests : IAsyncLifetime
{
    private readonly FakeServer _server = new();
    private PresenceClient _client = null!;

    public ValueTask InitializeAsync()
    {
        _client = NewClient(endTimeout: TimeSpan.Zero);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync() => await _client.DisposeAsync();

    [Theory]
    [InlineData("sampled")]
    [InlineData("started")]
    [InlineData("stopped")]
    public async Task A_watch_goes_on_while_a_listener_of_activities_fails_when_one_is(string when)
    {
        using var listener = new FailingActivities(when);
        var (stream, watch) = await WatchAsync();

        stream.Fail(FakeServer.Broken());

        var next = await _server.NextStreamAsync();
        Assert.Equal("t1", next.Watch!.ResumeToken);
        next.Fail(FakeServer.Broken());
        Assert.Equal("t1", (await _server.NextStreamAsync()).Watch!.ResumeToken);
        Assert.False(watch.Completion.IsCompleted);
        Assert.True(listener.HasFailed);
    }

    [Theory]
    [InlineData("sampled")]
    [InlineData("started")]
    [InlineData("stopped")]
    public async Task A_session_starts_while_a_listener_of_activities_fails_when_one_is(string when)
    {
        using var listener = new FailingActivities(when);
        using var request = new Activity("request").Start();
        var starting = _client.StartSessionAsync("ada");
        await (await _server.NextStartedStreamAsync()).NextBeatsAsync();

        var session = await Barrier.Within(starting, "the session started");

        Assert.False(session.Ended.IsCompleted);
        Assert.Same(request, Activity.Current);
        Assert.True(listener.HasFailed);
    }

    [Fact]
    public async Task The_activity_of_a_start_that_failed_says_so()
    {
        var stopped = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "GrpcPresence.Client",
            Sample = (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = stopped.Add,
        };
        ActivitySource.AddActivityListener(listener);
        var starting = _client.StartSessionAsync("ada");

        (await _server.NextStreamAsync()).Fail(FakeServer.Error(StatusCode.PermissionDenied, "PERMISSION_DENIED"));

        await Assert.ThrowsAsync<PresenceException>(() => Barrier.Within(starting, "the start failed"));
        var activity = Assert.Single(stopped, activity => activity.OperationName == "presence.session.start");
        Assert.Equal((ActivityStatusCode.Error, "PermissionDenied"), (activity.Status, activity.StatusDescription));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Only_at_the_level_Debug_the_log_has_the_text_of_an_exception_of_the_provider(bool watches)
    {
        using var log = new CollectedLog();
        using var loggers = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(log));
        await using var client = NewClient(endTimeout: TimeSpan.Zero, options =>
        {
            options.Identity = "watcher";
            options.LoggerFactory = loggers;
            options.Credentials = PresenceCredentials.AccessToken((_, _) => throw new FormatException("no token for ada"));
        });

        _ = watches ? client.WatchAsync(WatchOptions.Everybody) : (Task)client.StartSessionAsync("ada");

        Assert.Equal(
            "Debug GrpcPresence.Client: The provider of access tokens failed: no token for ada", await log.NextTextAsync());
        var warning = await log.NextTextAsync();
        Assert.StartsWith("Warning", warning, StringComparison.Ordinal);
        Assert.Contains(nameof(FormatException), warning, StringComparison.Ordinal);
        Assert.DoesNotContain("ada", warning, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_handler_that_fails_keeps_nothing_from_the_others()
    {
        var (stream, watch) = await WatchAsync();
        var updated = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        watch.Updated += (_, _) => throw new InvalidOperationException("A handler of the test fails.");
        watch.Updated += (_, _) => updated.TrySetResult();
        watch.StateChanged += (_, _) => throw new InvalidOperationException("A handler of the test fails.");
        watch.StateChanged += (_, _) => changed.TrySetResult();

        stream.Send(Creation("bob"));
        stream.Fail(FakeServer.Broken());

        await Barrier.Within(updated.Task, "the second handler of Updated was called");
        await Barrier.Within(changed.Task, "the second handler of StateChanged was called");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Sessions_and_watches_go_on_while_the_log_of_the_transport_fails(bool createsNone)
    {
        await using var server = await PresenceServer.StartAsync();
        var network = server.NewNetwork();
        var options = TestClient.Options(server.ServiceSid, network);
        options.LoggerFactory = new FailingLog(createsNone);
        await using var client = PresenceClient.Create(options);
        await using var watch = await Barrier.Within(ObservedWatch.OpenAsync(client), "the watch was synced");

        network.Break();

        await Barrier.Within(client.StartSessionAsync("ada"), "the session started");
        await watch.UntilAsync(() => watch.Watch["ada"].IsOnline == true, "the watch saw ada come");
    }

    [Fact]
    public async Task Disposal_completes_although_the_disposal_of_a_handler_fails()
    {
        var disposed = 0;
        var options = new PresenceClientOptions
        {
            Address = Network.Address,
            ServiceSid = TestClient.ServiceSid,
            HttpHandlerFactory = () => new FailingHandler(() => disposed++),
        };

        await PresenceClient.Create(options).DisposeAsync();

        Assert.Equal(2, disposed);
    }

    [Fact]
    public async Task A_handler_may_dispose_of_the_client_while_that_is_disposed_of_already()
    {
        await using var client = NewClient(endTimeout: TimeSpan.FromMinutes(1)); // which the clock of the test does not reach
        var (stream, watch) = await WatchAsync(client);
        var (entered, disposing) = (NewSource(), NewSource());
        var returned = NewSource();
        watch.Updated += (_, _) =>
        {
            entered.TrySetResult();
            WaitFor(disposing.Task);
            client.Dispose();
            returned.TrySetResult();
        };
        stream.Send(Creation("bob"));
        await Barrier.Within(entered.Task, "the handler was called");

        var disposal = client.DisposeAsync().AsTask();
        disposing.TrySetResult();

        await Barrier.Within(returned.Task, "the handler returned");
        await Barrier.Within(disposal, "the client was disposed of");
        await Barrier.Within(watch.Completion, "the watch ended");
    }

    [Fact]
    public async Task Handlers_of_two_watches_may_dispose_of_each_other()
    {
        await using var client = NewClient(endTimeout: TimeSpan.FromMinutes(1));
        var (first, second) = (await WatchAsync(client), await WatchAsync(client));
        using var both = new System.Threading.Barrier(2);
        first.Watch.Updated += (_, _) => Dispose(second.Watch);
        second.Watch.Updated += (_, _) => Dispose(first.Watch);

        first.Stream.Send(Creation("bob"));
        second.Stream.Send(Creation("bob"));

        await Barrier.Within(Task.WhenAll(first.Watch.Completion, second.Watch.Completion), "both watches ended");

        void Dispose(IUserWatch other)
        {
            both.SignalAndWait(TestContext.Current.CancellationToken);
            WaitFor(other.DisposeAsync().AsTask());
        }
    }

    [Fact]
    public async Task What_a_handler_has_started_waits_for_the_end_of_a_watch()
    {
        await using var client = NewClient(endTimeout: TimeSpan.FromMinutes(1));
        var (stream, watch) = await WatchAsync(client);
        var (entered, left) = (NewSource(), NewSource());
        Task<bool>? started = null; // by the handler of the first update; whether its disposal waits
        watch.Updated += (_, _) =>
        {
            if (started is not null)
            {
                entered.TrySetResult();
                WaitFor(left.Task);
                return;
            }
            started = Task.Run(async () =>
            {
                await entered.Task;
                var disposing = watch.DisposeAsync().AsTask();
                var waits = !disposing.IsCompleted;
                left.TrySetResult();
                await disposing;
                return waits;
            });
        };
        stream.Send(Creation("bob"));
        stream.Send(Creation("eve"));
        await Barrier.Within(entered.Task, "the handler was called again");

        Assert.True(await Barrier.Within(started!, "the watch was disposed of"));
        Assert.True(watch.Completion.IsCompleted);
    }

    [Fact]
    public async Task Disposal_completes_although_a_handler_blocks()
    {
        var (stream, watch) = await WatchAsync();
        var (entered, left) = (NewSource(), NewSource());
        watch.Updated += (_, _) =>
        {
            entered.TrySetResult();
            WaitFor(left.Task);
        };
        stream.Send(Creation("bob"));
        await Barrier.Within(entered.Task, "the handler was called");

        await Barrier.Within(watch.DisposeAsync().AsTask(), "the watch was disposed of");
        await Barrier.Within(_client.DisposeAsync().AsTask(), "the client was disposed of");

        left.TrySetResult();
        await Barrier.Within(watch.Completion, "the watch ended");
    }

    private PresenceClient NewClient(TimeSpan endTimeout, Action<PresenceClientOptions>? configure = null)
    {
        var options = new PresenceClientOptions
        {
            Address = Network.Address,
            ServiceSid = TestClient.ServiceSid,
            TimeProvider = new ManualClock { EndsShortWaits = true },
            EndTimeout = endTimeout,
            ReconnectDelay = TimeSpan.FromMilliseconds(1),
            MaxReconnectDelay = TimeSpan.FromMilliseconds(1),
        };
        configure?.Invoke(options);
        return new PresenceClient(options, _server, _server);
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    // As a handler does that blocks its thread.
    private static void WaitFor(Task task) => task.Wait(TestContext.Current.CancellationToken);

    private static WatchUsersResponse Creation(string identity) => new()
    {
        Updates = new WatchUpdates
        {
            Updates =
            {
                new V1.UserUpdate { User = new User { Identity = identity, Sid = "US2" }, UpdateReasons = { UpdateReason.Created } },
            },
        },
    };

    private Task<(FakeStream Stream, IUserWatch Watch)> WatchAsync() => WatchAsync(_client);

    private async Task<(FakeStream Stream, IUserWatch Watch)> WatchAsync(PresenceClient client)
    {
        var watching = client.WatchAsync(WatchOptions.Everybody);
        var stream = await _server.NextStreamAsync();
        stream.SendSnapshot("t1", new User { Identity = "ada", Sid = "US1" });
        return (stream, await Barrier.Within(watching, "the watch was synced"));
    }

    private sealed class FailingHandler(Action onDisposed) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            throw new NotSupportedException("The test sends nothing.");

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            onDisposed();
            throw new InvalidOperationException("The handler of the test fails.");
        }
    }
}

/// <summary>A listener of activities listens to all clients of the process, so no other test runs meanwhile.</summary>
[CollectionDefinition(nameof(ProgramCodeCollection), DisableParallelization = true)]
public sealed class ProgramCodeCollection;
