using System.Threading.Channels;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Tests.Presence.Fixture;
using GrpcPresence.Core.Webhooks;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Webhooks;

/// <summary>
/// A dispatcher with an in-memory store and a fake endpoint. The writer has its own thread, because the delivery loops wait for it.
/// </summary>
internal sealed class WebhookWorld : IAsyncDisposable, ICommitPublisher
{
    public const string Url = "https://example.com/hook";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly AlarmClock _clock;
    private volatile WebhookDispatcher? _dispatcher;
    private TimeSpan _asleepFor = Timeout.InfiniteTimeSpan; // the last sleep of a loop, until time passes for it

    private WebhookWorld()
    {
        Core = new World(publisher: _ => this, meters: Meters);
        _clock = new AlarmClock(Core.Time);
        Core.StartWriter();
    }

    public OwnMeters Meters { get; } = new();

    public World Core { get; }

    public FakeEndpoint Endpoint { get; } = new();

    public CachedService Service { get; private set; } = null!;

    /// <summary>Users that the dispatcher gave up.</summary>
    public Channel<UserSid> GivenUp { get; } = Channel.CreateUnbounded<UserSid>();

    /// <summary>Creates a world with one service instance that sends all events unless filters are given.</summary>
    public static async Task<WebhookWorld> NewAsync(params string[] filters)
    {
        var world = new WebhookWorld();
        world.Service = await world.Core.NewService();
        await world.SetAsync(Url, filters.Length > 0 ? filters : [WebhookEvents.UserAdded, WebhookEvents.UserUpdated]);
        await world.StartAsync();
        await world.SleepAsync();
        return world;
    }

    public Task<WebhookSettings> SetAsync(string url, params string[] filters) => SetAsync(Service, url, filters);

    public async Task<WebhookSettings> SetAsync(CachedService service, string url, params string[] filters)
    {
        var settings = await SetElsewhereAsync(service, url, filters);
        _dispatcher?.Apply(service.Sid);
        return settings;
    }

    /// <summary>Changes the settings as another node does: the dispatcher does not learn of it.</summary>
    public async Task<WebhookSettings> SetElsewhereAsync(CachedService service, string url, params string[] filters) =>
        await Core.Queue.SubmitAsync(
            new UpdateWebhookSettings(
                service.Sid, before => before with { PostUrl = url, Filters = filters.Length > 0 ? filters : before.Filters }));

    public Task ReloadAsync() => _dispatcher!.ReloadAsync(default);

    /// <summary>Starts a dispatcher that knows only the store.</summary>
    public async Task StartAsync()
    {
        var dispatcher = new WebhookDispatcher(Core.Store, Core.Queue, Endpoint, Core.Status, Core.Metrics, _clock, new Random(1));
        dispatcher.GivenUp += (_, user) => GivenUp.Writer.TryWrite(user);
        _dispatcher = dispatcher;
        await dispatcher.StartAsync(default);
    }

    /// <summary>Stops the dispatcher. Progress that it did not store is lost.</summary>
    public async Task StopAsync()
    {
        if (_dispatcher is not { } dispatcher)
            return;
        _dispatcher = null;
        await Within(dispatcher.StopAsync(), "the dispatcher stopped");
        dispatcher.Dispose();
    }

    public async Task RestartAsync()
    {
        await StopAsync();
        await StartAsync();
    }

    public int OpenCircuits => _dispatcher!.OpenCircuits;

    public long Lag => _dispatcher!.Lag;

    /// <summary>Renames a user with an edit that skips webhooks.</summary>
    public Task<UserState> RenameQuietly(string identity, string name) => Core.Queue.SubmitAsync(
        new UpdateUser(Service.Sid, new UserKey(World.Id(identity)), identity: null, etag: "", new UserEdit(name, null, null))
        {
            SkipsWebhooks = true,
        });

    /// <summary>Returns the next attempt, whatever its outcome.</summary>
    public Task<WebhookDelivery> NextAsync() => Within(Endpoint.Tried.ReadAsync().AsTask(), "the endpoint received an event");

    /// <summary>Returns the next attempt; advances the clock while the loops sleep.</summary>
    public async Task<WebhookDelivery> NextAfterPauseAsync()
    {
        WebhookDelivery? next = null;
        await UntilAsync(() => Task.FromResult(Endpoint.Tried.TryRead(out next)), passTime: true);
        return next!;
    }

    /// <summary>Waits until the condition holds. It must become true before a loop goes to sleep.</summary>
    public async Task UntilAsync(Func<Task<bool>> condition, bool passTime = false)
    {
        while (!await condition())
        {
            if (passTime && _asleepFor != Timeout.InfiniteTimeSpan)
            {
                Core.Time.Advance(_asleepFor);
                _asleepFor = Timeout.InfiniteTimeSpan;
            }
            else
            {
                await SleepAsync();
            }
        }
    }

    /// <summary>Waits until the condition holds. It must become true before a loop goes to sleep.</summary>
    public Task UntilAsync(Func<bool> condition, bool passTime = false) => UntilAsync(() => Task.FromResult(condition()), passTime);

    /// <summary>Waits until a loop goes to sleep again.</summary>
    public async Task SleepAsync() => _asleepFor = await Within(_clock.Alarms.ReadAsync().AsTask(), "a delivery loop went to sleep");

    /// <summary>Waits until a loop sleeps for a limited time, which it does after a failure.</summary>
    public async Task PauseAsync()
    {
        _asleepFor = Timeout.InfiniteTimeSpan;
        await UntilAsync(() => _asleepFor != Timeout.InfiniteTimeSpan);
    }

    /// <summary>Waits until all changes are delivered and the position is stored; advances the clock while the loops sleep.</summary>
    public Task DeliveredAsync() => UntilAsync(
        async () => await StoredAsync() is { Sweep: null } stored && stored.Revision >= await Core.Revision(Service), passTime: true);

    public async Task<long> PositionAsync() => (await StoredAsync()).Revision;

    private async Task<WebhookPosition> StoredAsync() => (await Core.Store.FindWebhookAsync(Service.Sid, default))!.Position;

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Core.Dispose();
        Meters.Dispose();
    }

    bool ICommitPublisher.NeedsUsers(ServiceSid service) => false;

    void ICommitPublisher.Publish(IReadOnlyList<ServiceCommit> commits) => _dispatcher?.Publish(commits);

    private static async Task Within(Task task, string what)
    {
        if (await Task.WhenAny(task, Task.Delay(Patience)) != task)
            Assert.Fail($"It did not happen within {Patience.TotalSeconds} s that {what}.");
        await task;
    }

    private static async Task<T> Within<T>(Task<T> task, string what)
    {
        await Within((Task)task, what);
        return await task;
    }
}
