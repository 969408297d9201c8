using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Tests.Cluster.Simulation;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Tests.Webhooks;
using GrpcPresence.Core.Webhooks;

namespace GrpcPresence.Core.Tests.Cluster.Node;

/// <summary>Tests what a node begins and ends as the home owner when it gets and loses shards.</summary>
public sealed class HomeServicesTests : IAsyncDisposable
{
    private static readonly NodeId Self = new("a", 1);
    private static readonly NodeId Other = new("b", 1);

    private readonly TaskCompletionSource<WebhookOutcome> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly FakeEndpoint _endpoint = new();
    private readonly FixedView _view = new();
    private readonly SentMessages _sent = new();
    private readonly ShardTable _table = new();
    private readonly ShardGates _gates = new();
    private WebhookWorld _world = null!;
    private WebhookDispatcher _dispatcher = null!;
    private HomeServices _homes = null!;
    private readonly TaskCompletionSource _hasRequested = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CancellationToken _requested;

    private Shard Home => Shard.Of(_world.Service.Sid);

    public async ValueTask DisposeAsync()
    {
        _answer.TrySetResult(WebhookOutcome.Taken);
        await WithinAsync(_dispatcher.StopAsync());
        _dispatcher.Dispose();
        await _world.DisposeAsync();
    }

    [Fact]
    public async Task Home_The_webhooks_of_an_open_shard_are_delivered()
    {
        await StartAsync();

        Open(Home, epoch: 1);

        Assert.Equal("ada", await NextAsync());
        Assert.Equal([_world.Service.Sid], _homes.ListDelivered());
    }

    [Fact]
    public async Task Home_A_shard_is_drained_when_the_request_in_flight_has_ended()
    {
        await StartAsync(isSlow: true);
        Open(Home, epoch: 1);
        await NextAsync();

        Assert.False(_homes.IsDrained(Home));
        Assert.Empty(_dispatcher.Services); // nothing further is sent meanwhile
        _answer.SetResult(WebhookOutcome.Taken);
        await DrainAsync();

        // The next holder repeats nothing.
        Assert.Equal(await _world.Core.Revision(_world.Service), await _world.PositionAsync());
    }

    [Fact]
    public async Task Home_A_node_that_leaves_drains_all_its_homes_at_once()
    {
        await StartAsync(isSlow: true);
        Shard[] shards = [Home, new Shard((Home.Number + 1) % Shard.Count), new Shard((Home.Number + Shard.Count - 1) % Shard.Count)];
        foreach (var shard in shards)
            Open(shard, epoch: 1);
        await NextAsync();

        Assert.False(_homes.AreAllDrained());

        Assert.Equal(shards.ToHashSet(), _homes.Draining.ToHashSet());
    }

    [Fact]
    public async Task Home_A_shard_that_is_not_given_away_after_all_is_served_again()
    {
        await StartAsync();
        Open(Home, epoch: 1);
        await NextAsync();
        _homes.IsDrained(Home);
        _homes.Step(_view.Current); // it was asked since the step before
        Assert.Empty(_dispatcher.Services);

        _homes.Step(_view.Current);
        await _world.Core.Create(_world.Service, "bob");
        _dispatcher.Wake(_world.Service.Sid, await _world.Core.Revision(_world.Service));

        while (await NextAsync() != "bob")
        {
        }
    }

    [Fact]
    public async Task Home_A_sealed_shard_stays_drained()
    {
        await StartAsync();
        Open(Home, epoch: 1);
        await NextAsync();
        await DrainAsync();

        _gates.Set(Home, new ShardGate(ShardGateState.Sealed, Epoch: 1));
        _homes.Step(_view.Current);
        _homes.Step(_view.Current);

        Assert.Empty(_dispatcher.Services);
    }

    [Fact]
    public async Task Home_A_forced_loss_cancels_the_requests()
    {
        await StartAsync(isSlow: true);
        Open(Home, epoch: 1);
        await NextAsync();
        await _hasRequested.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);

        _gates.Set(Home, default);
        _homes.Step(_view.Current);

        Assert.True(_requested.IsCancellationRequested);
        Assert.Empty(_dispatcher.Services);
    }

    [Fact]
    public async Task Home_A_shard_that_was_lost_and_won_again_is_closed_first()
    {
        await StartAsync(isSlow: true);
        Open(Home, epoch: 1);
        await NextAsync();
        await _hasRequested.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        var before = _requested;

        Open(Home, epoch: 2);

        Assert.True(before.IsCancellationRequested);
    }

    [Fact]
    public async Task Home_A_node_that_has_ended_delivers_nothing()
    {
        await StartAsync(isSlow: true);
        Open(Home, epoch: 1);
        await NextAsync();
        await _hasRequested.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);

        _homes.CloseAll();

        Assert.True(_requested.IsCancellationRequested);
        Assert.Empty(_dispatcher.Services);
    }

    [Fact]
    public async Task SharedQuota_A_new_home_owner_asks_each_node_before_it_lends()
    {
        await StartAsync();
        var subject = QuotaKey.Of(_world.Service.Id);
        _table.Update(subject.Home, new KnownHolder(Self, 1, default));

        Open(subject.Home, epoch: 1);

        var inquiry = Assert.IsType<QuotaInquiry>(Assert.Single(_sent.To(Other)));
        Use(subject);
        Assert.Equal(1, _homes.Borrower.ShareOf(subject)[Quota.WritesPerSecond]);

        _homes.Receive(new SharedQuotaMessage(new QuotaReport(Other, Number: 1, [], inquiry.Shards)));
        _homes.Step(_view.Current);
        Assert.Equal(ClusterQuotas.Whole.WritesPerSecond, _homes.Borrower.ShareOf(subject)[Quota.WritesPerSecond]);
    }

    [Fact]
    public async Task SharedQuota_A_share_is_asked_for_at_the_holder_of_the_home_shard()
    {
        await StartAsync();
        var subject = QuotaKey.Of(_world.Service.Id);
        _table.Update(subject.Home, new KnownHolder(Other, 1, default));

        Use(subject);

        var report = Assert.IsType<QuotaReport>(Assert.Single(_sent.To(Other)));
        Assert.Equal(subject, Assert.Single(report.Subjects).Subject);
    }

    private static Task WithinAsync(Task task) => task.WaitAsync(TimeSpan.FromSeconds(10));

    private async Task StartAsync(bool isSlow = false)
    {
        _world = await WebhookWorld.NewAsync(WebhookEvents.UserAdded, WebhookEvents.UserUpdated);
        await _world.StopAsync();
        await _world.Core.Create(_world.Service, "ada");
        _endpoint.Answer = (_, token) =>
        {
            _requested = token;
            _hasRequested.TrySetResult();
            return isSlow ? _answer.Task : Task.FromResult(WebhookOutcome.Taken);
        };
        var core = _world.Core;
        _dispatcher = new WebhookDispatcher(
            core.Store, core.Queue, _endpoint, core.Status, core.Metrics, core.Time, new Random(1), () => true);
        await _dispatcher.StartAsync(default);
        _homes = new HomeServices(
            _view, _sent, _table, _gates, core.Services, _dispatcher,
            new SharedQuotas(ClusterQuotas.Whole, ClusterQuotas.Whole, core.Time), static () => default);
    }

    private void Open(Shard shard, long epoch)
    {
        _gates.Set(shard, new ShardGate(ShardGateState.Open, epoch));
        _homes.Step(_view.Current);
    }

    /// <summary>Uses the quotas of a subject as a call does.</summary>
    private void Use(QuotaKey subject)
    {
        var whole = ClusterQuotas.Whole;
        var limiter = new QuotaLimiter(whole, whole, whole, _world.Core.Metrics, _world.Core.Time, _homes.Borrower);
        limiter.OfServiceInstance((long)subject.Number);
    }

    /// <summary>Asks until the home shard is drained, as the steps of a node do.</summary>
    private async Task DrainAsync()
    {
        for (var began = Environment.TickCount64; !_homes.IsDrained(Home); await Task.Yield())
            Assert.True(Environment.TickCount64 - began < 10_000, "It did not happen within 10 s that the home shard was drained.");
    }

    private async Task<string> NextAsync() =>
        (await _endpoint.Tried.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(10))).User.Identity.ToString();

    private sealed class FixedView : IClusterView
    {
        public NodeId Self => HomeServicesTests.Self;

        public ClusterView Current { get; } = new(Number: 1, [HomeServicesTests.Self, Other]);
    }

    private sealed class SentMessages : INodeChannel
    {
        private readonly List<(NodeId To, QuotaMessage Message)> _sent = [];

        public IEnumerable<QuotaMessage> To(NodeId node) => _sent.Where(sent => sent.To == node).Select(sent => sent.Message);

        public void Send(NodeId to, NodeMessage message) => _sent.Add((to, ((SharedQuotaMessage)message).Message));
    }
}
