using System.Collections.Concurrent;
using System.Diagnostics;
using GrpcPresence.Client.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Tests.Connections;

/// <summary>Tests that what runs in the background does not keep the context of the call that started it.</summary>
public sealed class BackgroundWorkTests : IAsyncLifetime
{
    private static readonly AsyncLocal<string?> Ambient = new();

    private readonly ManualClock _clock = new() { EndsShortWaits = true };
    private readonly FakeServer _server = new();
    private readonly ConcurrentQueue<string> _seen = [];
    private readonly Activity _request = new Activity("request of the first caller").Start();
    private PresenceClient _client = null!;

    public ValueTask InitializeAsync()
    {
        Ambient.Value = "first caller";
        _client = new PresenceClient(
            new PresenceClientOptions
            {
                Address = Network.Address,
                ServiceSid = TestClient.ServiceSid,
                Identity = "watcher",
                TimeProvider = _clock,
                EndTimeout = TimeSpan.Zero,
                Credentials = PresenceCredentials.AccessToken((_, _) =>
                {
                    See("provider");
                    return Task.FromResult($"token {_seen.Count}");
                }),
            },
            _server,
            _server);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        _request.Dispose();
    }

    [Fact]
    public async Task Loops_and_handlers_do_not_keep_the_context_of_the_first_caller()
    {
        Ambient.Value = "first caller";
        using var request = new Activity("request").Start();
        var starting = _client.StartSessionAsync("ada");
        var stream = await _server.NextStartedStreamAsync();
        await stream.NextBeatsAsync();
        await Barrier.Within(starting, "the session started");
        var watching = _client.WatchAsync(WatchOptions.Everybody);
        var watched = await _server.NextStreamAsync();
        watched.SendSnapshot("t1");
        var watch = await Barrier.Within(watching, "the watch was synced");
        var raised = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        watch.Updated += (_, _) =>
        {
            See("handler");
            raised.TrySetResult();
        };
        watched.Send(new WatchUsersResponse
        {
            Updates = new WatchUpdates
            {
                Updates =
                {
                    new V1.UserUpdate { User = new User { Identity = "bob", Sid = "US2" }, UpdateReasons = { UpdateReason.Created } },
                },
            },
        });
        await Barrier.Within(raised.Task, "the update was raised");

        Assert.Equal(["provider: none", "provider: none", "handler: none"], _seen);
        Assert.Equal("first caller", Ambient.Value);
        Assert.Same(request, Activity.Current);
    }

    [Fact]
    public async Task Timers_do_not_keep_the_context_of_the_first_caller()
    {
        using var timers = new Client.Connections.TimerQueue(TimeProvider.System);
        Ambient.Value = "first caller";
        var elapsed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var timer = timers.Create(() =>
        {
            See("timer");
            elapsed.TrySetResult();
        });

        timer.Set(TimeSpan.FromMilliseconds(1));

        await Barrier.Within(elapsed.Task, "the timer elapsed");
        Assert.Equal(["timer: none"], _seen);
    }

    private void See(string who) => _seen.Enqueue(
        $"{who}: {(Ambient.Value is null && Activity.Current is null ? "none" : $"{Ambient.Value} {Activity.Current?.OperationName}")}");
}
