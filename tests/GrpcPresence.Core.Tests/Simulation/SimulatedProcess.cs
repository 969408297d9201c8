using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>Runs one history through the real Core over an in-memory store, and checks what its clients see against the promises.</summary>
internal sealed class SimulatedProcess(SimulatedSizes sizes, bool isNode) : IDisposable
{
    private static readonly string[] Names = ["ada", "bob", "cay", "dan"];

    private readonly InMemoryPresenceStore _store = new();
    private readonly Truth _truth = new();
    private readonly List<SimulatedWatch> _watches = [];
    private readonly FinalEnds _ends = new();
    private readonly List<(string User, string Session)> _beaten = [];
    private World _world = null!;
    private LoggingPublisher _publisher = null!;
    private CachedService _service = null!;
    private ServiceSid _sid;
    private (StoreImage Image, Truth Truth)? _backup;
    private int _losing;
    private int _delaying;
    private bool _isConfirmed = true;
    private TimeSpan _passed; // in all processes of the history

    /// <summary>Runs the history.</summary>
    /// <param name="history">The steps.</param>
    /// <param name="resumesEverywhere">Whether to resume at the end from every token of any client.</param>
    /// <param name="isNode">Whether the process is a node of a cluster, whose feeds hold commits for a time.</param>
    /// <param name="sizes">The sizes of queues, pages and messages.</param>
    /// <exception cref="BrokenPromiseException">A promise does not hold.</exception>
    public static async Task RunAsync(
        IReadOnlyList<Step> history, bool resumesEverywhere = false, bool isNode = false, SimulatedSizes sizes = SimulatedSizes.Usual)
    {
        using var process = new SimulatedProcess(sizes, isNode);
        await process.StartAsync(isFirst: true);
        foreach (var step in history)
            await process.DoAsync(step);
        await process.SettleAsync();
        if (resumesEverywhere)
            await process.ResumeEverywhereAsync();
    }

    public void Dispose()
    {
        _world.Dispose();
        _store.Dispose();
    }

    private async Task StartAsync(bool isFirst)
    {
        _world = new World(
            _store,
            hub => _publisher = new LoggingPublisher(
                hub, _truth, _store.Faults, () => _losing-- > 0, () => _delaying-- > 0, sendsWhole: sizes == SimulatedSizes.SmallPages),
            isConfirmed: isNode ? () => _isConfirmed : null,
            sizes: sizes switch
            {
                SimulatedSizes.SmallPages => new WatchSizes(Limits.PendingUsersPerWatcher, Page: 1),
                SimulatedSizes.SmallQueues => new WatchSizes(PendingUsers: 2, Page: 1),
                _ => WatchSizes.Default,
            },
            userBytes: sizes == SimulatedSizes.Usual ? 100 : Limits.WatchMessageBytes);
        (_losing, _delaying) = (0, 0);
        if (isFirst)
        {
            _sid = (await _world.Do(new CreateServiceInstance(sid: null, ""))).Sid;
            await _world.Configure(_sid, before => before with
            {
                ReachabilityEnabled = true,
                HeartbeatInterval = TimeSpan.FromSeconds(1),
                SessionTimeout = TimeSpan.FromSeconds(2),
            });
        }
        _service = await _world.Services.GetAsync(_sid, default);
        await new PresenceRecovery(_store, _world.Services, _world.Tracker).LoadAsync(default);
        _world.Tracker.Start();
    }

    private async Task DoAsync(Step step)
    {
        Learn();
        _ends.Learn(_passed);
        var (act, a, b) = step;
        var name = Names[a % Names.Length];
        var key = World.Key(name);
        switch (act)
        {
            case Act.Beat:
                // Sometimes a late heartbeat of an earlier session.
                var beaten = a % 5 == 0 && _beaten.Count > 0 ? _beaten[b % _beaten.Count] : (name, $"s{b % 3}-{_beaten.Count / 20}");
                Beat(beaten.Item1, beaten.Item2);
                break;
            case Act.End when _beaten.Count > 0:
                var (user, session) = _beaten[b % _beaten.Count];
                End(user, session);
                break;
            case Act.Create:
                Submit(new CreateUser(_sid, World.Id(name), "", "{}", default));
                break;
            case Act.Rename:
                Submit(new UpdateUser(_sid, key, identity: null, etag: "", new UserEdit($"name {b}", null, null)));
                break;
            case Act.Delete:
                Delete(name);
                break;
            case Act.Bind:
                Submit(new SetPushBinding(_sid, key, BindingType.Fcm, $"endpoint {b % 3}"));
                break;
            case Act.Unbind:
                await UnbindAsync(b);
                break;
            case Act.Switch:
                Submit(new UpdateConfiguration(_sid, etag: "", before => before with { ReachabilityEnabled = b % 3 != 0 }));
                break;
            case Act.Write:
                _world.Writer.WriteOnce();
                break;
            case Act.Wait:
                Advance(Limits.Tick * (1 + (a % 5)));
                break;
            case Act.Sweep:
                Advance(TimeSpan.FromSeconds(2.5));
                break;
            case Act.Open when _watches.Count < 6:
                await OpenAsync(a, b);
                break;
            case Act.Read when _watches.Count > 0:
                for (var i = 0; i <= b % 4 && await _watches[a % _watches.Count].ReadAsync(); i++)
                {
                }
                break;
            case Act.Resume when _watches.Count > 0:
                await ResumeAsync(_watches[a % _watches.Count], b);
                break;
            case Act.Fault:
                Fail(a, b);
                break;
            case Act.Stall:
                _store.Faults.StallReads(stall: b % 3 != 0);
                break;
            case Act.Release:
                _store.Faults.ReleaseRead(b);
                break;
            case Act.Lose:
                _losing = 1 + (b % 2);
                break;
            case Act.Delay:
                _delaying = 1 + (b % 3);
                break;
            case Act.Arrive:
                _publisher.Arrive(a, again: b % 3 == 0);
                break;
            case Act.Confirm:
                _isConfirmed = b % 2 == 0;
                break;
            case Act.Restart:
                await RestartAsync();
                break;
            case Act.Backup:
                _backup = (_store.Image, _truth.Copy());
                break;
            case Act.Restore when _backup is { } backup:
                await RestoreAsync(backup.Image, backup.Truth);
                break;
        }
    }

    private void Beat(string user, string session)
    {
        var beat = _world.Beat(_service, user, session);
        _ends.Check(beat, _passed, user, session);
        Observe(beat.Stored);
        _beaten.Add((user, session));
    }

    private void End(string user, string session)
    {
        var live = LiveSessions(user).Where(known => known.Id == World.Session(session)).ToList();
        var end = _world.Tracker.EndSession(_service, RefOf(user), World.Session(session));
        Observe(end);
        foreach (var (_, until) in live)
            _ends.Ask(end, _passed, user, session, until);
    }

    private void Delete(string user)
    {
        var live = LiveSessions(user);
        var deletion = _world.Queue.SubmitAsync(new DeleteUser(_sid, World.Key(user), etag: ""));
        Observe(deletion);
        foreach (var (session, _) in live)
            _ends.Ask(deletion, _passed, user, session.ToString(), TimeSpan.MaxValue);
    }

    /// <summary>Returns the live sessions of a user, and when the lease of each runs out.</summary>
    private List<(SessionId Id, TimeSpan Until)> LiveSessions(string user) =>
        [.. _world.Tracker.ListSessions(_service, RefOf(user)).Sessions.Select(session =>
            (World.Session(session.Id.ToString()), _passed + (session.LeaseExpireTime - _world.Time.GetUtcNow())))];

    private void Advance(TimeSpan by)
    {
        _world.Advance(by);
        _passed += by;
    }

    private static UserRef RefOf(string user) => new(World.Id(user), Sid: null, MayCreate: false);

    private async Task OpenAsync(int a, int b)
    {
        string[] keys = (a % 3) switch { 0 => [Names[b % 4], Names[(b + 1) % 4]], _ => [] };
        var reasons = (b % 5) switch
        {
            0 => UpdateReasons.ReachabilityOnline,
            1 => UpdateReasons.FriendlyName | UpdateReasons.Created,
            _ => UpdateReasons.None,
        };
        var startNow = a % 7 == 0;
        var client = new WatchModel(new WatchFilter(keys.Select(World.Key), reasons, UserView.Full), _truth)
        {
            IsStartedNow = startNow,
            MayRepeat = sizes == SimulatedSizes.SmallQueues,
            HasNoGaps = sizes == SimulatedSizes.SmallPages,
        };
        var watch = new SimulatedWatch(client, _store.Faults);
        _watches.Add(watch);
        await OpenAsync(watch, from: null, startNow);
    }

    private async Task ResumeAsync(SimulatedWatch watch, int b)
    {
        watch.Leave();
        var bookmarks = watch.Client.Bookmarks;
        // Usually the last token; sometimes any, like a client that was restored from its own backup.
        var from = bookmarks.Count == 0 ? null : b % 3 == 0 ? bookmarks[b % bookmarks.Count] : bookmarks[^1];
        await OpenAsync(watch, from, startNow: false);
    }

    private async Task OpenAsync(SimulatedWatch watch, Bookmark? from, bool startNow)
    {
        try
        {
            var request = new WatchRequest(_sid, watch.Client.Filter, startNow, from?.Token);
            watch.Open(await _world.Hub.OpenAsync(request, _world.Store, default), from);
        }
        catch (StorageException)
        {
            // The client tries again later.
        }
    }

    private async Task UnbindAsync(int b)
    {
        _store.Faults.FailReads(fail: false);
        var bindings = await _store.ListBindingsAsync(_sid, BindingFilter.All, afterId: 0, limit: 10, default);
        if (bindings.Count > 0)
            Submit(new DeletePushBinding(_sid, bindings[b % bindings.Count].Sid));
    }

    private void Learn()
    {
        var stored = _store.Image.Get(_sid);
        if (stored.Record.Revision <= _truth.Revision)
            return;
        StoredChange[] changes = [.. stored.UsersChangedAfter(_truth.Revision), .. stored.TombstonesAfter(_truth.Revision)];
        _truth.Learn(new ChangesRead(
            stored.Record, [.. changes.OrderBy(change => change.Revision)], HasMore: false, changes.Length));
    }

    private void Fail(int a, int b)
    {
        switch (a % 5)
        {
            case 0:
                _store.Faults.FailCommit(CommitFault.BeforeEffect);
                break;
            case 1:
                _store.Faults.FailCommit(CommitFault.AfterEffect);
                break;
            case 2:
                _store.Faults.FailOperation(1 + (b % 4));
                break;
            case 3:
                _store.Faults.MakeNextCommitStale();
                break;
            default:
                _store.Faults.FailReads(fail: b % 2 == 0);
                break;
        }
    }

    private async Task RestartAsync()
    {
        foreach (var watch in _watches)
            watch.Leave();
        _store.Restart();
        Learn();
        _truth.EndProcess();
        await StartAsync(isFirst: false);
    }

    private async Task RestoreAsync(StoreImage image, Truth truth)
    {
        foreach (var watch in _watches)
            watch.Leave();
        _store.Restore(image);
        _truth.Become(truth);
        _ends.Clear();
        await StartAsync(isFirst: false);
    }

    /// <summary>Ends all faults, writes everything, and lets every client read on. Then all clients must agree with the store.</summary>
    private async Task SettleAsync()
    {
        _store.Faults.Clear();
        (_losing, _delaying, _isConfirmed) = (0, 0, true);
        _world.Write();
        // All sessions end, so that nothing changes while the clients read.
        _world.Advance(TimeSpan.FromSeconds(3));
        // One more change, from which the feed detects lost batches.
        Submit(new CreateUser(_sid, World.Id("last"), "", "{}", default));
        _world.Write();
        await RequirePublishedAsync();
        RequireCounted();
        foreach (var watch in _watches)
            await SettleAsync(watch);
    }

    /// <summary>Checks that a client can resume from any token, converges, and receives every later change.</summary>
    private async Task ResumeEverywhereAsync()
    {
        foreach (var watch in _watches)
        {
            foreach (var bookmark in watch.Client.Bookmarks.DistinctBy(bookmark => bookmark.Token).ToArray())
            {
                watch.Leave();
                await OpenAsync(watch, bookmark, startNow: false);
                await SettleAsync(watch);
            }
        }
    }

    private async Task SettleAsync(SimulatedWatch watch)
    {
        // As long as messages come. If none does, some ticks may bring one: a gap read or a progress message.
        for (var quiet = 0; quiet < 3;)
        {
            // A read that failed before the faults ended may end the stream only now.
            if (!watch.IsOpen)
                await ResumeAsync(watch, b: 1);
            if (await watch.ReadAsync())
            {
                quiet = 0;
                continue;
            }
            quiet++;
            _world.Advance(Limits.Tick * 2);
        }
        watch.Client.RequireTruth((await _store.ListUsersAsync(_sid, 0, 100, online: null, default)).Users);
    }

    private async Task RequirePublishedAsync()
    {
        var service = await _store.FindServiceAsync(_sid, default);
        if (service!.Revision > _truth.Published)
            throw new BrokenPromiseException("Revisions", $"{service.Revision} is stored, but only {_truth.Published} was published");
    }

    private void RequireCounted()
    {
        var stored = _store.Image.Get(_sid);
        if (stored.Record.UserCount != stored.Users.Count)
            throw new BrokenPromiseException("Counted", $"{stored.Users.Count} users exist, but {stored.Record.UserCount} are counted");
    }

    private void Submit<T>(Command<T> change) => Observe(_world.Queue.SubmitAsync(change));

    // Errors are expected here, and no code waits for the outcome.
    private static void Observe(Task outcome) => _ = outcome.ContinueWith(static done => done.Exception, TaskScheduler.Default);
}
