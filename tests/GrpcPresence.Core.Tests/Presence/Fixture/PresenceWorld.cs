using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Tests.Writing;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;

namespace GrpcPresence.Core.Tests.Presence.Fixture;

/// <summary>A tracker with everything behind it, on one thread: the clock ticks and the writer writes when the test calls them.</summary>
internal sealed class PresenceWorld : IDisposable
{
    public static readonly Identity Alice = Identity.FromTrusted("alice");
    public static readonly Identity Bob = Identity.FromTrusted("bob");
    public static readonly SessionId Phone = Session("phone");
    public static readonly SessionId Laptop = Session("laptop");
    public static readonly TimeSpan SessionTimeout = TimeSpan.FromSeconds(75);
    public static readonly TimeSpan Debounce = TimeSpan.FromSeconds(5);

    private readonly World _core;
    private readonly List<UserChange> _published = [];

    /// <summary>Creates a world with one service instance and no users.</summary>
    public PresenceWorld(bool reachability = true, TimeSpan? tombstoneRetention = null)
        : this(new InMemoryPresenceStore(), tombstoneRetention) => Service = AddService(reachability);

    private PresenceWorld(
        InMemoryPresenceStore store,
        TimeSpan? tombstoneRetention = null,
        SteppedTimeProvider? time = null,
        ShardGates? gates = null) => _core = new World(
            store,
            hub => new PublisherSpy(hub, commit => _published.AddRange(commit.Users)),
            Meters,
            tombstoneRetention: tombstoneRetention,
            time: time,
            gates: gates);

    public OwnMeters Meters { get; } = new();

    public SteppedTimeProvider Time => _core.Time;

    public InMemoryPresenceStore Store => _core.Store;

    public CommandQueue Queue => _core.Queue;

    public StorageStatus Status => _core.Status;

    public ServiceCache Services => _core.Services;

    public PresenceTracker Tracker => _core.Tracker;

    public UserResolver Users => _core.Directory;

    public CommandWriter Writer => _core.Writer;

    /// <summary>The gates of a node of a cluster.</summary>
    public ShardGates Gates { get; private init; } = null!;

    public CachedService Service { get; private set; } = null!;

    /// <summary>The published changes of users, in order.</summary>
    public IReadOnlyList<UserChange> Published => _published;

    public static SessionId Session(string text) => SessionId.TryParse(text, out var id) ? id : throw new ArgumentException(text);

    public static UserRef Of(Identity identity) => new(identity, null, MayCreate: true);

    public static UserRef Of(Identity identity, UserSid sid) => new(identity, sid, MayCreate: false);

    /// <summary>
    /// Returns the world of a new process over the present store, before it has loaded anything. The wall clock goes on; the monotonic
    /// clock starts again.
    /// </summary>
    public PresenceWorld Restart()
    {
        var world = new PresenceWorld(Store) { Service = new CachedService(Store.Image.Get(Service.Sid).Record) };
        world.Time.StepWallClock(Time.GetUtcNow() - world.Time.GetUtcNow());
        return world;
    }

    /// <summary>Returns the world of a new process that is ready, some time after this one ended.</summary>
    public async Task<PresenceWorld> RestartAsync(TimeSpan stopped = default)
    {
        var world = Restart();
        world.Time.StepWallClock(stopped);
        await new PresenceRecovery(Store, world.Services, world.Tracker).LoadAsync(TestContext.Current.CancellationToken);
        world.Tracker.Start();
        world.Write();
        return world;
    }

    /// <summary>
    /// Returns the world of a node of a cluster with the store, the clock and the service instance of this one. All its gates are closed.
    /// </summary>
    public PresenceWorld AddNode(TimeSpan? tombstoneRetention = null)
    {
        var gates = new ShardGates();
        var world = new PresenceWorld(Store.OpenAnotherWriter(), tombstoneRetention, Time, gates) { Gates = gates };
        world.Service = world.Services.Apply(Store.Image.Get(Service.Sid).Record, world.Services.Generation);
        world.Tracker.Resume(default);
        world.Tracker.Start();
        return world;
    }

    public CachedService AddService(bool reachability, ServiceSid? sid = null)
    {
        var record = Submit(new CreateServiceInstance(sid, ""));
        Submit(new UpdateConfiguration(record.Sid, "", before => before with { ReachabilityEnabled = reachability }));
        return Services.Apply(Store.Image.Get(record.Sid).Record, Services.Generation);
    }

    public HeartbeatResult Beat(Identity user, SessionId session, HeartbeatStream? stream = null) =>
        Tracker.Beat(Service, Of(user), session, stream);

    /// <summary>Sends a heartbeat, which must not be rejected, and writes everything that follows from it.</summary>
    public void BeatAndWrite(Identity user, SessionId session, HeartbeatStream? stream = null)
    {
        var result = Beat(user, session, stream);
        Assert.Null(result.Rejection);
        Write();
        Assert.True(result.Stored.IsCompletedSuccessfully, "the writer wrote, but the heartbeat's transition is not stored");
    }

    public Task End(Identity user, SessionId session) => Tracker.EndSession(Service, Of(user), session);

    public SessionList List(Identity user) => Tracker.ListSessions(Service, Of(user));

    public IEnumerable<string> SessionsOf(Identity user) => List(user).Sessions.Select(session => session.Id.ToString());

    /// <summary>Advances time, with a tick each 100 ms. The writer does not run.</summary>
    public void Pass(TimeSpan duration)
    {
        for (var left = duration; left > TimeSpan.Zero; left -= Limits.Tick)
        {
            Time.Advance(left < Limits.Tick ? left : Limits.Tick);
            Tracker.Tick();
        }
    }

    /// <summary>Advances time, and writes the resulting transitions.</summary>
    public void PassAndWrite(TimeSpan duration)
    {
        Pass(duration);
        Write();
    }

    /// <summary>Writes until the queue is empty or the store fails.</summary>
    public void Write()
    {
        while (Writer.WriteOnce() == WriteOutcome.Written)
        {
        }
    }

    /// <summary>Returns the stored presence of the user; null if the user does not exist.</summary>
    public bool? StoredOnline(Identity user) => StoredOnline(Service, user);

    public bool? StoredOnline(CachedService service, Identity user) => Store.Image.Get(service.Sid).FindUser(new UserKey(user))?.IsOnline;

    public UserSid SidOf(Identity user) => Store.Image.Get(Service.Sid).FindUser(new UserKey(user))!.Sid;

    public void DeleteUser(Identity user) => Submit(new DeleteUser(Service.Sid, new UserKey(user), ""));

    public void Configure(Func<ServiceConfiguration, ServiceConfiguration> change) =>
        Submit(new UpdateConfiguration(Service.Sid, "", change));

    public TResult Submit<TResult>(Command<TResult> change)
    {
        var task = Queue.SubmitAsync(change);
        Write();
        Assert.True(task.IsCompletedSuccessfully, $"the command was not written: {task.Exception?.InnerException?.Message}");
        return task.Result;
    }

    /// <summary>Leaves the process as a crash does. The store lives on in the world of the next process.</summary>
    public void Crash() => Meters.Dispose();

    public void Dispose()
    {
        _core.Dispose();
        Meters.Dispose();
    }
}
