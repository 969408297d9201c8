using System.Diagnostics.Metrics;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;

namespace GrpcPresence.Core.Tests.Fixture;

/// <summary>All of Core over an in-memory store, on one thread and a manual clock: nothing happens unless the test triggers it.</summary>
internal sealed class World : IDisposable
{
    /// <param name="store">The store; a new one by default.</param>
    /// <param name="publisher">Wraps the hub as the writer's publisher.</param>
    /// <param name="meters">Creates the meter; the process's own by default.</param>
    /// <param name="usersPerService">The maximum number of users of a service instance; unlimited by default.</param>
    /// <param name="tombstoneRetention">How long tombstones are kept; 30 days by default.</param>
    /// <param name="isConfirmed">Makes the hub one of several nodes; a single node by default.</param>
    /// <param name="time">The clock; a new one by default.</param>
    /// <param name="gates">The gates of a node of a cluster; none by default.</param>
    /// <param name="fence">What a node of a cluster may write; none by default.</param>
    /// <param name="sizes">The sizes of the queues and pages of watches; those of a server by default.</param>
    /// <param name="userBytes">The size of an encoded user.</param>
    /// <param name="resume">See <see cref="WatchHub.Resume"/>.</param>
    public World(
        InMemoryPresenceStore? store = null,
        Func<WatchHub, ICommitPublisher>? publisher = null,
        IMeterFactory? meters = null,
        int usersPerService = int.MaxValue,
        TimeSpan? tombstoneRetention = null,
        Func<bool>? isConfirmed = null,
        SteppedTimeProvider? time = null,
        ShardGates? gates = null,
        ShardFence? fence = null,
        WatchSizes? sizes = null,
        int userBytes = 100,
        Action<Action>? resume = null)
    {
        Time = time ?? new SteppedTimeProvider();
        Store = store ?? new InMemoryPresenceStore();
        Metrics = new PresenceMetrics(meters);
        Services = new ServiceCache(Store);
        Tracker = new PresenceTracker(Time, Queue, Metrics, gates);
        Directory = new UserResolver(Store, Tracker);
        Hub = new WatchHub(
            Store, new FixedSizeEncoder(userBytes), Status, Metrics, Time, new Random(1), Limits.WatchStallTimeout, isConfirmed)
        {
            Sizes = sizes ?? WatchSizes.Default,
            Resume = resume,
        };
        Writer = new CommandWriter(
            Store, Queue, Services, Tracker, [publisher?.Invoke(Hub) ?? Hub], Keys, Status, Metrics, Time,
            tombstoneRetention ?? Limits.TombstoneRetention,
            usersPerService,
            fence);
    }

    private Thread? _writing;

    public SteppedTimeProvider Time { get; }

    public InMemoryPresenceStore Store { get; }

    public ApiKeyCache Keys { get; } = new();

    public CommandQueue Queue { get; } = new();

    public PresenceMetrics Metrics { get; }

    public StorageStatus Status { get; } = new();

    public ServiceCache Services { get; }

    public PresenceTracker Tracker { get; }

    public UserResolver Directory { get; }

    public WatchHub Hub { get; }

    public CommandWriter Writer { get; }

    public void Dispose()
    {
        Queue.Close();
        _writing?.Join();
        Queue.Dispose();
        Hub.Dispose();
        Metrics.Dispose();
        Store.Dispose();
    }

    /// <summary>Runs the writer on its own thread from now on, for tests in which another thread waits for it.</summary>
    public void StartWriter()
    {
        _writing = new Thread(() => Writer.Run(default)) { IsBackground = true };
        _writing.Start();
    }

    /// <summary>Writes everything that is queued. Does not retry a store that fails.</summary>
    public void Write()
    {
        if (_writing is not null)
            return;
        while (Queue.Count > 0)
        {
            if (Writer.WriteOnce() == WriteOutcome.Failed)
                return;
        }
    }

    /// <summary>Advances the clock, a tick at a time, and writes the resulting transitions.</summary>
    public void Advance(TimeSpan by)
    {
        for (var passed = TimeSpan.Zero; passed < by; passed += Limits.Tick)
        {
            Time.Advance(Limits.Tick);
            Tracker.Tick();
            Hub.Tick();
            Write();
        }
    }

    /// <summary>Runs a command.</summary>
    public Task<TResult> Do<TResult>(Command<TResult> change)
    {
        var done = Queue.SubmitAsync(change);
        Write();
        return done;
    }

    public async Task<CachedService> NewService(bool reachability = true)
    {
        var record = await Do(new CreateServiceInstance(sid: null, "test"));
        if (reachability)
            await Switch(record.Sid, on: true);
        return await Services.GetAsync(record.Sid, default);
    }

    public Task<ServiceConfiguration> Switch(ServiceSid service, bool on) =>
        Configure(service, before => before with { ReachabilityEnabled = on });

    public Task<ServiceConfiguration> Configure(ServiceSid service, Func<ServiceConfiguration, ServiceConfiguration> edit) =>
        Do(new UpdateConfiguration(service, etag: "", edit));

    public Task<UserState> Create(CachedService service, string identity) =>
        Do(new CreateUser(service.Sid, Id(identity), "", "{}", default));

    public Task<UserState> Rename(CachedService service, string identity, string name) =>
        Do(new UpdateUser(service.Sid, new UserKey(Id(identity)), identity: null, etag: "", new UserEdit(name, null, null)));

    public Task<UserSid> Delete(CachedService service, string identity) =>
        Do(new DeleteUser(service.Sid, new UserKey(Id(identity)), etag: ""));

    public Task<PushBinding> Bind(CachedService service, string identity, string endpoint, bool byEndUser = false) =>
        Do(new SetPushBinding(service.Sid, new UserKey(Id(identity)), BindingType.Fcm, endpoint, byEndUser));

    /// <summary>Sends a heartbeat without writing anything. The result has the task that the caller would wait for.</summary>
    public HeartbeatResult Beat(CachedService service, string identity, string session = "s1") =>
        Tracker.Beat(service, new UserRef(Id(identity), Sid: null, MayCreate: true), Session(session), stream: null);

    /// <summary>Sends a heartbeat and writes the resulting transition.</summary>
    public async Task Online(CachedService service, string identity, string session = "s1")
    {
        var beat = Beat(service, identity, session);
        Assert.Null(beat.Rejection);
        Write();
        await beat.Stored;
    }

    /// <summary>Ends a session and writes the resulting transition.</summary>
    public async Task Offline(CachedService service, string identity, string session = "s1")
    {
        var stored = Tracker.EndSession(service, new UserRef(Id(identity), Sid: null, MayCreate: false), Session(session));
        Write();
        await stored;
    }

    public async Task<UserState?> Get(CachedService service, string identity) =>
        (await Store.FindUsersAsync(service.Sid, [new UserKey(Id(identity))], default)).Users.SingleOrDefault();

    public async Task<long> Revision(CachedService service) => (await Store.FindServiceAsync(service.Sid, default))!.Revision;

    public async Task<WatchClient> Watch(
        CachedService service,
        string[]? keys = null,
        UpdateReasons reasons = UpdateReasons.None,
        bool now = false,
        ResumeToken? token = null)
    {
        var filter = new WatchFilter((keys ?? []).Select(Key), reasons, UserView.Full);
        return new WatchClient(await Hub.OpenAsync(new WatchRequest(service.Sid, filter, now, token), Store, default));
    }

    /// <summary>Reads until the token says that everything was delivered. Returns the updates that have reasons.</summary>
    public async Task<List<(string Identity, UpdateReasons Reasons)>> ReadAll(WatchClient client, CachedService service)
    {
        var updates = new List<(string, UpdateReasons)>();
        var end = await Revision(service);
        while (client.Token is not { } token || token.Base < end)
        {
            var next = client.Next();
            // Without a change, only `progress` has a token.
            if (!next.IsCompleted)
                Advance(Limits.ProgressInterval * (1 + Limits.ProgressJitter) + Limits.Tick);
            if (await next is WatchEvent.Updates message)
                updates.AddRange(message.Users.Select(update => (update.State.Identity.ToString(), update.Reasons)));
        }
        updates.RemoveAll(update => update.Item2 == UpdateReasons.None); // of a snapshot
        return updates;
    }

    public static Identity Id(string text) => Identity.TryParse(text, out var identity) ? identity : throw new ArgumentException(text);

    public static UserKey Key(string text) => UserKey.TryParse(text, out var key) ? key : throw new ArgumentException(text);

    public static SessionId Session(string text) => SessionId.TryParse(text, out var id) ? id : throw new ArgumentException(text);
}
