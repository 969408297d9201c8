using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Webhooks;

namespace GrpcPresence.Core.Tests.Webhooks;

/// <summary>Tests that only the holder of the home shard delivers events, and how the delivery moves to another node.</summary>
public sealed class HomeTests : IAsyncDisposable
{
    private readonly TaskCompletionSource<WebhookOutcome> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WebhookWorld _world = null!;
    private Node _a = null!;
    private Node _b = null!;

    private Shard Home => Shard.Of(_world.Service.Sid);

    public async ValueTask DisposeAsync()
    {
        _answer.TrySetResult(WebhookOutcome.Taken);
        await _a.DisposeAsync();
        await _b.DisposeAsync();
        await _world.DisposeAsync();
    }

    [Fact]
    public async Task Home_Only_the_holder_of_the_home_shard_sends_events()
    {
        await StartAsync();
        _a.Dispatcher.OpenHome(Home);
        _b.Dispatcher.OpenHome(OtherThan(Home));
        _b.Dispatcher.Apply(_world.Service.Sid); // as after a change of the settings that another node has committed

        await CreateAsync("ada");

        Assert.Equal("ada", await _a.NextAsync());
        Assert.Empty(_b.Dispatcher.Services);
        Assert.Equal(0, _b.Endpoint.MostAtOnce);
    }

    [Fact]
    public async Task Home_A_commit_of_another_node_is_delivered_when_it_is_announced()
    {
        await StartAsync();
        _a.Dispatcher.OpenHome(Home);
        await CreateAsync("ada");
        Assert.Equal("ada", await _a.NextAsync());
        await _a.StoredAsync();

        await CreateAsync("bob"); // announced to both nodes

        Assert.Equal("bob", await _a.NextAsync());
    }

    [Fact]
    public async Task Home_A_drained_node_sends_no_event_after_the_release()
    {
        await StartAsync();
        _a.Dispatcher.OpenHome(Home);
        await CreateAsync("ada");
        await _a.StoredAsync();
        await DrainAsync(_a);

        await CreateAsync("bob");
        _a.Dispatcher.Apply(_world.Service.Sid);
        _b.Dispatcher.OpenHome(Home);

        Assert.Equal("bob", await _b.NextAsync());
        await _b.StoredAsync();
        Assert.Equal(["ada"], _a.Taken);
        Assert.Empty(_a.Dispatcher.Services);
    }

    [Fact]
    public async Task Home_A_drain_waits_for_the_request_in_flight_and_stores_the_position()
    {
        await StartAsync();
        _a.Endpoint.Answer = (_, _) => _answer.Task;
        _a.Dispatcher.OpenHome(Home);
        await CreateAsync("ada");
        Assert.Equal("ada", await _a.NextAsync());

        var drained = _a.Dispatcher.DrainHomeAsync(Home);
        Assert.False(drained.IsCompleted);
        _answer.SetResult(WebhookOutcome.Taken);
        await WithinAsync(drained);

        // The next holder repeats nothing.
        Assert.Equal(await _world.Core.Revision(_world.Service), await _world.PositionAsync());
        _b.Dispatcher.OpenHome(Home);
        await CreateAsync("bob");
        Assert.Equal("bob", await _b.NextAsync());
    }

    [Fact]
    public async Task Home_A_drain_starts_no_request_while_others_are_in_flight()
    {
        await StartAsync();
        for (var i = 0; i <= Limits.WebhooksAtOnce; i++)
            await CreateAsync($"user-{i}");
        _a.Endpoint.Answer = (_, _) => _answer.Task;
        _a.Dispatcher.OpenHome(Home);
        for (var i = 0; i < Limits.WebhooksAtOnce; i++)
            await _a.NextAsync();

        var drained = _a.Dispatcher.DrainHomeAsync(Home);
        _answer.SetResult(WebhookOutcome.Taken);
        await WithinAsync(drained);

        Assert.False(_a.Endpoint.Tried.TryRead(out _));
        _b.Dispatcher.OpenHome(Home);
        await _b.StoredAsync();
        Assert.Contains($"user-{Limits.WebhooksAtOnce}", _b.Taken);
    }

    [Fact]
    public async Task Home_A_drain_ends_after_a_bounded_time_although_a_request_does_not()
    {
        await StartAsync();
        _a.Endpoint.Answer = (_, _) => _answer.Task; // ignores the cancellation
        _a.Dispatcher.OpenHome(Home);
        await CreateAsync("ada");
        Assert.Equal("ada", await _a.NextAsync());
        var before = await _world.PositionAsync();

        var drained = _a.Dispatcher.DrainHomeAsync(Home);
        _world.Core.Time.Advance(Limits.WebhookDrain - TimeSpan.FromTicks(1));
        Assert.False(drained.IsCompleted);
        _world.Core.Time.Advance(TimeSpan.FromTicks(1));
        await WithinAsync(drained);

        // The answer comes too late: the next holder sends the event again.
        _answer.SetResult(WebhookOutcome.Taken);
        await _a.DisposeAsync();
        Assert.Equal(before, await _world.PositionAsync());
        _b.Dispatcher.OpenHome(Home);
        Assert.Equal("ada", await _b.NextAsync());
    }

    [Fact]
    public async Task Home_A_node_that_loses_the_shard_by_force_stores_no_position()
    {
        await StartAsync();
        _a.Endpoint.Answer = (_, _) => _answer.Task; // ignores the cancellation
        _a.Dispatcher.OpenHome(Home);
        await CreateAsync("ada");
        Assert.Equal("ada", await _a.NextAsync());
        var before = await _world.PositionAsync();

        _a.Dispatcher.CloseHome(Home);
        _answer.SetResult(WebhookOutcome.Taken);
        await _a.DisposeAsync();

        Assert.Equal(before, await _world.PositionAsync());
        _b.Dispatcher.OpenHome(Home);
        Assert.Equal("ada", await _b.NextAsync());
    }

    [Fact]
    public async Task Home_A_repeated_event_has_the_epoch_and_revision_of_the_first()
    {
        await StartAsync();
        _a.Endpoint.Answer = (_, _) => _answer.Task;
        _a.Dispatcher.OpenHome(Home);
        await CreateAsync("ada");
        var first = await _a.TriedAsync();

        _a.Dispatcher.CloseHome(Home);
        _b.Dispatcher.OpenHome(Home);

        var repeated = await _b.TriedAsync();
        Assert.Equal((first.Epoch, first.User.Revision), (repeated.Epoch, repeated.User.Revision));
        await _world.Core.Rename(_world.Service, "ada", "Ada");
        _b.Dispatcher.Wake(_world.Service.Sid, await _world.Core.Revision(_world.Service));
        var next = await _b.TriedAsync();
        Assert.True((next.Epoch, next.User.Revision).CompareTo((first.Epoch, first.User.Revision)) > 0);
    }

    [Fact]
    public async Task Home_A_shard_whose_move_was_given_up_is_served_again_by_one_loop()
    {
        await StartAsync();
        _a.Endpoint.Answer = (_, _) => _answer.Task;
        _a.Dispatcher.OpenHome(Home);
        await CreateAsync("ada");
        Assert.Equal("ada", await _a.NextAsync());

        var drained = _a.Dispatcher.DrainHomeAsync(Home);
        _a.Dispatcher.OpenHome(Home);
        _answer.SetResult(WebhookOutcome.Taken);
        await WithinAsync(drained);
        await CreateAsync("bob");

        Assert.Equal("bob", await _a.NextAsync());
        Assert.Equal(1, _a.Endpoint.MostAtOnce);
    }

    [Fact]
    public async Task Home_A_move_that_begins_again_waits_for_the_request_of_the_first_attempt()
    {
        await StartAsync();
        _a.Endpoint.Answer = (_, _) => _answer.Task;
        _a.Dispatcher.OpenHome(Home);
        await CreateAsync("ada");
        Assert.Equal("ada", await _a.NextAsync());
        _ = _a.Dispatcher.DrainHomeAsync(Home);

        var again = _a.Dispatcher.DrainHomeAsync(Home);

        Assert.False(again.IsCompleted);
        _answer.SetResult(WebhookOutcome.Taken);
        await WithinAsync(again);
    }

    [Fact]
    public async Task Home_A_home_opened_while_the_store_fails_is_served_when_it_works()
    {
        await StartAsync();
        await CreateAsync("ada");
        _world.Core.Store.Faults.FailReads(fail: true);
        _a.Dispatcher.OpenHome(Home);
        await _a.PauseAsync();

        _world.Core.Store.Faults.FailReads(fail: false);
        _world.Core.Time.Advance(Limits.MaxWebhookBackoff);

        Assert.Equal("ada", await _a.NextAsync());
    }

    [Fact]
    public async Task Home_A_node_that_is_not_confirmed_starts_no_request()
    {
        await StartAsync();
        _a.Dispatcher.OpenHome(Home);
        _a.IsConfirmed = false;
        await CreateAsync("ada");
        while (await _a.PauseAsync() == Timeout.InfiniteTimeSpan)
        {
        }
        Assert.Equal(0, _a.Endpoint.MostAtOnce);

        _a.IsConfirmed = true;
        _world.Core.Time.Advance(Limits.WebhookDeferral);

        Assert.Equal("ada", await _a.NextAsync());
    }

    private static Shard OtherThan(Shard shard) => new((shard.Number + 1) % Shard.Count);

    private static Task WithinAsync(Task task) => task.WaitAsync(TimeSpan.FromSeconds(10));

    private static Task DrainAsync(Node node) => WithinAsync(node.Dispatcher.DrainHomeAsync(Shard.Of(node.World.Service.Sid)));

    private async Task StartAsync()
    {
        _world = await WebhookWorld.NewAsync(WebhookEvents.UserAdded, WebhookEvents.UserUpdated);
        await _world.StopAsync();
        (_a, _b) = (new Node(_world), new Node(_world));
        await _a.Dispatcher.StartAsync(default);
        await _b.Dispatcher.StartAsync(default);
    }

    private async Task CreateAsync(string identity)
    {
        await _world.Core.Create(_world.Service, identity);
        var revision = await _world.Core.Revision(_world.Service);
        _a.Dispatcher.Wake(_world.Service.Sid, revision);
        _b.Dispatcher.Wake(_world.Service.Sid, revision);
    }

    private sealed class Node : IAsyncDisposable
    {
        private readonly AlarmClock _clock;
        private bool _isStopped;

        public Node(WebhookWorld world)
        {
            World = world;
            var core = world.Core;
            _clock = new AlarmClock(core.Time);
            Dispatcher = new WebhookDispatcher(
                core.Store, core.Queue, Endpoint, core.Status, core.Metrics, _clock, new Random(1), () => IsConfirmed);
        }

        public WebhookWorld World { get; }

        /// <summary>Whether no other node can have taken the shards of this one.</summary>
        public bool IsConfirmed { get; set; } = true;

        public FakeEndpoint Endpoint { get; } = new();

        public WebhookDispatcher Dispatcher { get; }

        /// <summary>The users whose events the endpoint took.</summary>
        public IEnumerable<string> Taken => Endpoint.Taken.Select(taken => taken.User.Identity.ToString());

        /// <summary>Returns the next attempt.</summary>
        public Task<WebhookDelivery> TriedAsync() => Endpoint.Tried.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(10));

        /// <summary>Returns the user of the next attempt.</summary>
        public async Task<string> NextAsync() => (await TriedAsync()).User.Identity.ToString();

        /// <summary>Waits until the position of everything is stored: a loop sleeps afterwards.</summary>
        public async Task StoredAsync()
        {
            while (await World.PositionAsync() < await World.Core.Revision(World.Service))
                await PauseAsync();
        }

        /// <summary>Waits until a loop sleeps.</summary>
        public Task<TimeSpan> PauseAsync() => _clock.Alarms.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(10));

        public async ValueTask DisposeAsync()
        {
            if (_isStopped)
                return;
            _isStopped = true;
            await WithinAsync(Dispatcher.StopAsync());
            Dispatcher.Dispose();
        }
    }
}
