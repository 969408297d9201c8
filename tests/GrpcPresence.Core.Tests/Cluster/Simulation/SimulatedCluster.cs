using System.Text;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Cluster;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Cluster.Simulation;

/// <summary>
/// Runs one history through several nodes over a model of the view, the network and the store, and asks clients and watchers on every node
/// whether the promises hold.
/// </summary>
internal sealed class SimulatedCluster : IDisposable
{
    /// <summary>Each history whose seed this divides has webhooks.</summary>
    private const int WebhooksInOneOf = 4;

    /// <summary>The users that send heartbeats all the time.</summary>
    public static readonly string[] SteadyNames = ["eve", "fay", "gus"];

    /// <summary>
    /// The user whose client sends heartbeats to one node as long as it serves. This node may be unable to reach the owner.
    /// </summary>
    private const string BoundName = "hal";

    private const int MaxNodes = 7;
    private const int StreamRounds = 8;

    private static readonly TimeSpan Quantum = 2 * Limits.NodeStep; // messages are delivered, and answered, at their own times
    private static readonly TimeSpan SessionTimeout = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan MaxLostTime = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan TimeToCheck = TimeSpan.FromSeconds(1); // a poll and the pages of the shards
    private static readonly ClusterCall[] StoreCalls =
    [
        ClusterCall.Join, ClusterCall.Leave, ClusterCall.Renew, ClusterCall.Evict, ClusterCall.Claim, ClusterCall.Poll,
        ClusterCall.List,
    ];

    private static readonly string[] Names = ["ada", "bob", "cay", "dan"];

    private readonly SimulatedClock _clock = new();
    private readonly SimulatedTime _storeTime = new();
    private readonly SimulatedNetwork _network;
    private readonly SimulatedMembership _membership;
    private readonly InMemoryPresenceStore _store;
    private readonly List<SimulatedNode> _nodes = [];
    private readonly List<ClusterWatch> _watches = [];
    private readonly Truth _truth = new();
    private readonly Continuations _continuations = new();
    private readonly ClusterCommits _commits = new();
    private readonly ClusterTrace? _trace;
    private readonly bool _hasWebhooks;
    private readonly Random _random;
    private readonly ClusterClients _clients;
    private readonly ClusterBackEnd _backEnd;
    private readonly ClusterQuotas _quotas;
    private readonly SteppedNodes _stepped;
    private readonly ClusterStreams _streams;
    private readonly ClusterWrites _writes;
    private readonly bool _needsAllUsers; // otherwise some commits list only a part of what they change
    private readonly List<SimulatedNode> _ended = []; // their calls to the store may still be on their way
    private SimulatedNode? _bound; // of the client that does not change its node
    private ServiceSid _sid;
    private Shard[] _shards = []; // of all users
    private int _started;
    private int _turn;
    private TimeSpan _lostUntil; // answers before may be of lost commits; 0 if nothing was lost
    private readonly List<(TimeSpan At, StoreImage Image, Truth Truth)> _standbys = []; // what the standbys have, oldest first

    private SimulatedCluster(int seed, bool traces, StoreMutation mutation)
    {
        _trace = traces ? new ClusterTrace(_clock) : null;
        _hasWebhooks = seed % WebhooksInOneOf == 0;
        _random = new Random(seed);
        _network = new SimulatedNetwork(_clock, _random, isByDirection: true);
        _membership = new SimulatedMembership(_clock, _random);
        _store = new InMemoryPresenceStore(seed, _storeTime) { Mutation = mutation, Applied = _commits.Take };
        _clients = new ClusterClients(_clock, SessionTimeout);
        _backEnd = new ClusterBackEnd(seed, _clock, _store, _continuations);
        _quotas = new ClusterQuotas(_clock);
        _writes = new ClusterWrites(_clock, _store) { Deleted = _clients.NoteDeleted };
        _needsAllUsers = _random.Next(2) == 0;
        _streams = new ClusterStreams(_clock, _clients);
        _stepped = new SteppedNodes(Quantum, _clock, _storeTime, _network, _membership, _continuations, _nodes)
        {
            Delivered = AfterDelivery,
            Stepping = BeforeSteps,
            Stepped = AfterStep,
            AllStepped = AfterSteps,
        };
    }

    /// <summary>Runs the history. Returns what it has committed and delivered, if asked for.</summary>
    /// <param name="seed">Decides about everything that the steps do not say.</param>
    /// <param name="history">The steps.</param>
    /// <param name="traces">Whether to return what happened.</param>
    /// <param name="mutation">A mistake of the store.</param>
    /// <exception cref="BrokenPromiseException">A promise does not hold.</exception>
    public static async Task<ClusterTrace?> RunAsync(
        int seed, IReadOnlyList<ClusterStep> history, bool traces = false, StoreMutation mutation = StoreMutation.None)
    {
        using var cluster = new SimulatedCluster(seed, traces, mutation);
        await cluster.StartAsync();
        foreach (var step in history)
            await cluster.DoAsync(step);
        await cluster.SettleAsync();
        return cluster._trace;
    }

    public void Dispose()
    {
        foreach (var node in _nodes)
            node.Dispose();
        _store.Dispose();
    }

    private List<SimulatedNode> Serving => _nodes.FindAll(node => node.IsServing);

    private async Task StartAsync()
    {
        // The service instance exists before the cluster, as after an import.
        using var world = new World(_store);
        _sid = new ServiceSid(new UInt128((ulong)_random.NextInt64(), (ulong)_random.NextInt64()));
        await world.Do(new CreateServiceInstance(_sid, ""));
        await world.Configure(_sid, before => before with
        {
            ReachabilityEnabled = true,
            HeartbeatInterval = TimeSpan.FromSeconds(1),
            SessionTimeout = SessionTimeout,
            OfflineDebounce = ClusterStreams.Debounce,
        });
        if (_hasWebhooks)
        {
            await world.Do(new UpdateWebhookSettings(_sid, before => before with
            {
                PostUrl = ClusterBackEnd.Url,
                Filters = [WebhookEvents.UserAdded, WebhookEvents.UserUpdated],
            }));
        }
        _backEnd.Begin(_sid);
        _writes.Begin(_sid);
        _backEnd.Committed = NoteCommit;
        _quotas.Subject = QuotaKey.Of(_store.Image.Get(_sid).Record.Id);
        _shards = [.. Names.Concat(SteadyNames).Append(BoundName).Select(name => Shard.Of(_sid, World.Id(name)))];
        var count = 2 + _random.Next(3);
        for (var i = 0; i < count; i++)
            StartNode($"n{_started++}");
        Advance(TimeSpan.FromSeconds(1.5));
    }

    private void StartNode(string name)
    {
        var id = _membership.NextRun(name);
        _nodes.Add(new SimulatedNode(
            id, _store.OpenNode(), _membership, _network, _sid, _clock.Now, _continuations,
            hub => new TruthPublisher(hub, _truth, _needsAllUsers, Learn, commit => _trace?.Commit(id, commit)), _backEnd, _quotas));
    }

    private async Task DoAsync(ClusterStep step)
    {
        Learn();
        _continuations.Run();
        var (act, a, b) = step;
        var name = Names[a % Names.Length];
        var node = Serving.Count > 0 ? Serving[b % Serving.Count] : null;
        switch (act)
        {
            case ClusterAct.Wait:
                Advance(Quantum * (1 + (a % 20)));
                break;
            case ClusterAct.Beat when node is not null:
                await BeatAsync(node, name, $"s{b % 3}");
                break;
            case ClusterAct.Stream when node is not null:
                if (await FindServiceAsync(node) is { } service)
                    _streams.Beat(node, service, name, endsOnClose: a % 3 != 0, isNew: b % 2 == 0);
                break;
            case ClusterAct.Close:
                _streams.Close(isAll: a % 2 == 0, choice: b, byClient: b % 4 != 0);
                break;
            case ClusterAct.End when node is not null:
                await EndAsync(node, name, $"s{b % 3}");
                break;
            case ClusterAct.Create when node is not null:
                Write(node, WriteKind.Create, name);
                break;
            case ClusterAct.Rename when node is not null:
                Write(node, WriteKind.Rename, name);
                break;
            case ClusterAct.Delete when node is not null:
                Write(node, WriteKind.Delete, name);
                break;
            case ClusterAct.Switch when node is not null:
                Write(node, WriteKind.Switch, a % 4 == 0 ? "off" : "on");
                break;
            case ClusterAct.Open when node is not null && _watches.Count < 4:
                ClusterWatch watch = null!;
                watch = new ClusterWatch(_truth, message => _trace?.Deliver(watch.Node?.Id, message));
                _watches.Add(watch);
                await watch.OpenAsync(node, _sid, from: null);
                break;
            case ClusterAct.Read when _watches.Count > 0:
                for (var i = 0; i <= b % 4 && await _watches[a % _watches.Count].ReadAsync(); i++)
                {
                }
                break;
            case ClusterAct.Resume when node is not null && _watches.Count > 0:
                await _watches[a % _watches.Count].ResumeAsync(node, _sid, b);
                break;
            case ClusterAct.Start when _nodes.Count < MaxNodes:
                // Sometimes the machine of a node that has ended.
                StartNode(a % 2 == 0 && FreeNames() is { Count: > 0 } free ? free[b % free.Count] : $"n{_started++}");
                break;
            case ClusterAct.Kill when _nodes.Count > 1:
                Kill(_nodes[a % _nodes.Count]);
                break;
            case ClusterAct.Leave when node is not null && Serving.Count > 1:
                ((a % 3 == 0 ? FindHolder(Shard.Of(_sid)) : null) ?? node).Node.Leave();
                break;
            case ClusterAct.Pause when node is not null:
                Pause(node);
                break;
            case ClusterAct.Unpause:
                Unpause();
                break;
            case ClusterAct.Cut when _nodes.Count > 1:
                Cut(a, b);
                break;
            case ClusterAct.Heal:
                _network.HealAll();
                break;
            case ClusterAct.Weather:
                _network.Conditions = a % 2 == 0 ? NetworkConditions.Bad : NetworkConditions.Good;
                break;
            case ClusterAct.CutOff:
                foreach (var other in _nodes.Where((_, i) => a % 3 == 0 || i == b % _nodes.Count))
                    other.Store.CutOff(true);
                break;
            case ClusterAct.Reconnect:
                Reconnect();
                break;
            case ClusterAct.Fault when node is not null:
                CommitFault[] faults =
                    [CommitFault.BeforeEffect, CommitFault.AfterEffect, CommitFault.Late, CommitFault.LateWithRows];
                node.Store.Faults.FailCommit(faults[a % faults.Length]);
                break;
            case ClusterAct.Land:
                _store.LandLateCommit(a);
                _backEnd.Learn();
                break;
            case ClusterAct.Hook:
                _backEnd.Mood = (BackEndMood)(a % 3);
                break;
            case ClusterAct.Burst when node is not null:
                for (var i = 0; i <= a % 30; i++)
                    _quotas.TryCharge(node.Limiter, _quotas.NextCall());
                break;
            case ClusterAct.Promote:
                Promote(a);
                break;
            case ClusterAct.Hold when _nodes.Count > 0:
                _nodes[b % _nodes.Count].Store.ClusterFaults.Hold(StoreCalls[a % StoreCalls.Length]);
                break;
            case ClusterAct.Release:
                Release(a, b);
                break;
            case ClusterAct.LoseAnswer when _nodes.Count > 0:
                _nodes[b % _nodes.Count].Store.ClusterFaults.FailNext(
                    StoreCalls[a % StoreCalls.Length], a % 4 == 0 ? CommitFault.BeforeEffect : CommitFault.AfterEffect);
                break;
            case ClusterAct.Purge when node is { HasJoined: true }:
                var holder = _store.Image.Cluster.Shards.GetValueOrDefault(Shard.Of(_sid).Number).Node;
                if (node.Purge() > 0 && holder != node.Id)
                    throw new BrokenPromiseException("Purge", $"{node.Id} has purged, and {holder} is the home owner");
                break;
        }
        Advance(Quantum);
        _trace?.Step(step, _network.Delivered, _backEnd.Attempts);
    }

    /// <summary>Lets time pass: messages arrive, nodes do what is due, and steady clients send heartbeats.</summary>
    private void Advance(TimeSpan by) => _stepped.Advance(by);

    private void BeforeSteps()
    {
        _backEnd.Advance(id => _nodes.Exists(node => node.Id == id && node.IsPaused));
        if (_clock.Now.Ticks % (2 * Quantum.Ticks) == 0)
            BeatSteadily();
    }

    private void AfterDelivery()
    {
        RequireOneHolder();
        _quotas.NoteUnknown(Serving, FindHolder(_quotas.Subject.Home), _membership.Current);
    }

    private void AfterStep(SimulatedNode node)
    {
        if (node.Fault is { } fault)
            throw new InvalidOperationException($"{node.Id} has a bug: {fault}");
        if (node.Node.End is not null)
            Remove(node);
    }

    private void AfterSteps()
    {
        RequireOneHolder();
        ForgetWhatIsLost();
        _commits.Check();
        _backEnd.Check();
        _quotas.Check(Serving, FindHolder(_quotas.Subject.Home), _membership.Current);
        Learn();
        _writes.Check();
        _clients.Check(_store.Image, _sid);
        KeepStandby();
    }

    /// <summary>Keeps what a standby may have: the data of now, and of each moment in the last two seconds.</summary>
    private void KeepStandby()
    {
        var last = _standbys.Count > 0 ? _standbys[^1] : default;
        if (!ReferenceEquals(last.Image, _store.Image))
        {
            var isTruthOld = last.Truth?.Revision != _truth.Revision || last.Truth.Published != _truth.Published;
            _standbys.Add((_clock.Now, _store.Image, isTruthOld ? _truth.Copy() : last.Truth!));
        }
        while (_standbys.Count > 1 && _standbys[1].At < _clock.Now - MaxLostTime)
            _standbys.RemoveAt(0);
    }

    /// <summary>
    /// A node answers from memory until it knows that commits are lost, and then reads what is stored. Until all nodes have done that,
    /// nobody may count on an answer.
    /// </summary>
    private void ForgetWhatIsLost()
    {
        if (_nodes.Exists(MayAnswerFromBefore))
            _lostUntil = _clock.Now + TimeToCheck;
        if (_clock.Now >= _lostUntil)
            return;
        _clients.Forget();
        _backEnd.Forget();
    }

    /// <summary>
    /// Whether a node may count on lost commits: it does not know yet that they are lost, and is confirmed; or it knows, and could not
    /// reach the store to compare. A node that is paused, or has not polled yet, answers nothing.
    /// </summary>
    private bool MayAnswerFromBefore(SimulatedNode node)
    {
        if (!node.IsServing || node.Node.Data == default)
            return false;
        return node.Node.Data != _store.Image.Cluster.Identity
            ? node.Node.IsConfirmed
            : _clock.Now < _lostUntil && (node.Store.IsHindered || _store.LateCommits > 0);
    }

    private void Promote(int choice)
    {
        if (_standbys.Count == 0)
            return;
        var (_, image, truth) = _standbys[choice % _standbys.Count];
        foreach (var node in _nodes.Concat(_ended))
            node.Store.ClusterFaults.FailHeld(); // they were sent to the server of before
        _store.Promote(image);
        _writes.Forget();
        _truth.Become(truth);
        foreach (var watch in _watches)
            watch.Lose();
        _backEnd.Learn();
        _backEnd.Forget();
        _lostUntil = _clock.Now + TimeToCheck;
        _standbys.Clear();
    }

    /// <summary>Each steady client sends its heartbeat to another node each time, as behind a balancer.</summary>
    private void BeatSteadily()
    {
        var serving = Serving;
        if (serving.Count == 0)
            return;
        _turn++;
        for (var i = 0; i < SteadyNames.Length; i++)
        {
            var node = serving[(_turn + i) % serving.Count];
            if (node.Services.FindCached(_sid) is { } service)
                _clients.Beat(Beat(node, service, SteadyNames[i], "steady"), SteadyNames[i], "steady", node);
            else
                Observe(node.Services.GetAsync(_sid, default).AsTask());
        }
        if (_bound is null || !serving.Contains(_bound))
            _bound = serving[_turn % serving.Count];
        if (_bound.Services.FindCached(_sid) is { } known)
            _clients.Beat(Beat(_bound, known, BoundName, "bound"), BoundName, "bound", _bound);
    }

    private async Task BeatAsync(SimulatedNode node, string user, string session)
    {
        if (await FindServiceAsync(node) is { } service)
            _clients.Beat(Beat(node, service, user, session), user, session, node);
    }

    private async Task EndAsync(SimulatedNode node, string user, string session)
    {
        if (await FindServiceAsync(node) is { } service)
        {
            var ended = node.Node.Router.EndSession(service, RefOf(user, mayCreate: false), World.Session(session), exists: true);
            _clients.End(ended, user, session, node);
        }
    }

    private async Task<CachedService?> FindServiceAsync(SimulatedNode node)
    {
        try
        {
            return await node.Services.GetAsync(_sid, default);
        }
        catch (StorageException)
        {
            return null;
        }
    }

    /// <summary>
    /// Charges a write at the node that received it, as the pipeline of the server does, and brings it to its owner. The argument is the
    /// user, or "on" or "off".
    /// </summary>
    private void Write(SimulatedNode node, WriteKind kind, string argument)
    {
        var call = _quotas.NextCall();
        if (!_quotas.TryCharge(node.Limiter, call) || _writes.TryBegin(kind, argument, node) is not { } write)
            return;
        var shard = kind == WriteKind.Switch ? Shard.Of(_sid) : Shard.Of(_sid, World.Id(argument));
        var request = Bytes($"{call}\n{kind.ToString().ToLowerInvariant()}\n{argument}\n{write.Name}");
        var answer = node.Node.Router.CallAsync(shard, RequestKind.Write, request, spendRows: _ => { });
        _writes.Note(write, answer);
    }

    /// <summary>Lets calls to the store go on that wait, also those of processes that have ended.</summary>
    private void Release(int a, int b)
    {
        var holding = _nodes.Concat(_ended).Where(node => node.Store.ClusterFaults.IsHolding).ToList();
        if (holding.Count == 0)
            return;
        var faults = holding[b % holding.Count].Store.ClusterFaults;
        if (a % 3 == 0)
            faults.Hold(ClusterCall.None);
        do
            faults.Release(a);
        while (a % 3 == 0 && faults.Held > 0);
    }

    private void NoteCommit()
    {
        Learn();
        _writes.Learn();
    }

    private SimulatedNode? FindHolder(Shard shard) =>
        Serving.Find(node => _store.Image.Cluster.IsHeld(shard, node.Id));

    private void Kill(SimulatedNode node)
    {
        Remove(node);
        _membership.Fail(node.Id);
    }

    private void Remove(SimulatedNode node)
    {
        _nodes.Remove(node);
        _ended.Add(node);
        _writes.Lose(node);
        _clients.Lose(node);
        _network.Detach(node.Id);
        _membership.End(node.Id);
        _backEnd.Kill(node.Id);
        if (node.Node.End?.Reason == Core.Cluster.Node.NodeEndReason.Left)
            _membership.Remove(node.Id);
        else if (node.Node.End is not null)
            _membership.Fail(node.Id);
        _streams.Remove(node);
        foreach (var watch in _watches.Where(watch => watch.Node == node))
            watch.Leave();
    }

    private void Pause(SimulatedNode node)
    {
        node.IsPaused = true;
        _network.Pause(node.Id);
        _membership.Pause(node.Id);
        _membership.Fail(node.Id);
    }

    private void Unpause()
    {
        foreach (var node in _nodes.Where(node => node.IsPaused))
        {
            node.IsPaused = false;
            node.AdvanceTo(_clock.Now);
            _network.Resume(node.Id);
            _membership.Resume(node.Id);
        }
    }

    private void Cut(int a, int b)
    {
        var (one, other) = (_nodes[a % _nodes.Count].Id.Name, _nodes[b % _nodes.Count].Id.Name);
        if (one == other)
            return;
        if ((a + b) % 3 == 0)
            _network.Cut(one, other);
        else
            _network.CutPair(one, other);
    }

    private void Reconnect()
    {
        foreach (var node in _nodes)
            node.Store.CutOff(false);
    }

    private List<string> FreeNames() =>
        [.. Enumerable.Range(0, _started).Select(i => $"n{i}").Where(name => _nodes.TrueForAll(node => node.Id.Name != name))];

    /// <summary>At no time do two nodes answer for one shard.</summary>
    private void RequireOneHolder()
    {
        foreach (var shard in _shards)
        {
            SimulatedNode? first = null;
            foreach (var node in _nodes)
            {
                if (node.IsPaused || !node.Answers(shard))
                    continue;
                if (first is not null)
                    throw new BrokenPromiseException("OneHolder", $"{first.Id} and {node.Id} answer for {shard}");
                first = node;
            }
        }
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

    /// <summary>Ends all faults. Then the cluster must come to rest, and everybody must agree.</summary>
    private async Task SettleAsync()
    {
        _network.HealAll();
        _network.Conditions = NetworkConditions.Good;
        Unpause();
        Reconnect();
        while (_store.LandLateCommit(0))
            _backEnd.Learn();
        _backEnd.Mood = BackEndMood.Good;
        foreach (var node in _nodes)
            node.Store.Faults.Clear();
        foreach (var node in _nodes.Concat(_ended))
            node.Store.ClusterFaults.Clear();
        // Detection, the eviction, the take-over, and one session timeout. Nodes that were paused or cut off may end meanwhile.
        Restart();
        Advance(TimeSpan.FromSeconds(6));
        Restart();
        Advance(TimeSpan.FromSeconds(9));
        for (var attempt = 0; attempt < 2; attempt++) // the first write after a promotion may fail: its writer reopens the store then
        {
            Write(_nodes[0], WriteKind.Switch, "on");
            Advance(TimeSpan.FromSeconds(2));
        }
        RequireRest();
        ClusterClients.Settle(_store.Image, _sid, [.. SteadyNames, BoundName]);
        foreach (var watch in _watches)
            await SettleAsync(watch);
        if (_hasWebhooks)
            SettleBackEnd();
        SettleQuotas();
        SettleStreams();
    }

    /// <summary>
    /// Clients open and close streams while shards move to a node that joins. The sessions of those that ask for it end soon, the others
    /// live on, and no node remembers a stream that was closed.
    /// </summary>
    private void SettleStreams()
    {
        StartNode($"n{_started++}");
        for (var round = 0; round < StreamRounds; round++)
        {
            for (var user = 0; user < Names.Length; user++)
            {
                var node = Serving[_random.Next(Serving.Count)];
                if (node.Services.FindCached(_sid) is { } service)
                    _streams.Beat(node, service, Names[user], endsOnClose: user % 2 == 0, isNew: true);
                else
                    Observe(node.Services.GetAsync(_sid, default).AsTask());
            }
            Advance(Quantum * (1 + _random.Next(4)));
            _streams.Close(isAll: true, choice: 0, byClient: true);
            if (round < StreamRounds - 1)
                Advance(Quantum * _random.Next(4));
        }
        Advance(ClusterStreams.TimeToEnd);
        var stored = _store.Image.Get(_sid);
        for (var user = 0; user < Names.Length; user += 2)
        {
            if (stored.FindUser(World.Key(Names[user])) is { } found && stored.StateOf(found).IsOnline == true)
                throw new BrokenPromiseException("Closed", $"{Names[user]} is online, and the streams of its sessions were closed");
        }
        _streams.RequireForgotten(_nodes);
    }

    /// <summary>The back end learns of everything, at the latest when the longest pause between two attempts is over.</summary>
    private void SettleBackEnd()
    {
        for (var until = _clock.Now + (2 * Limits.MaxWebhookBackoff); _backEnd.FindDifference() is { } difference;)
        {
            if (_clock.Now > until)
                throw new BrokenPromiseException("Webhooks", $"at rest, {difference}");
            Advance(TimeSpan.FromSeconds(1));
        }
    }

    /// <summary>
    /// A node whose callers ask for much gets nearly all of the quota. Meanwhile users only send heartbeats, which call no store. The
    /// delivery of webhooks may still repeat a read that has failed: heartbeats would cause calls all the time, and that does not.
    /// </summary>
    private void SettleQuotas()
    {
        long calls = 0;
        for (var attempt = 0; attempt < 3; attempt++)
        {
            var before = _nodes.Sum(node => node.Store.CountedCalls);
            for (var i = 0; i < 40; i++)
            {
                _quotas.TryCharge(_nodes[0].Limiter, _quotas.NextCall());
                _quotas.TryCharge(_nodes[0].Limiter, _quotas.NextCall());
                _quotas.TryCharge(_nodes[0].Limiter, _quotas.NextCall());
                Advance(Quantum);
            }
            _quotas.RequireMost(_nodes[0]);
            calls = _nodes.Sum(node => node.Store.CountedCalls) - before;
            if (calls == 0)
                return;
        }
        throw new BrokenPromiseException("SteadyBeatsStayInMemory", $"{calls} calls to the store at rest");
    }

    /// <summary>Starts what the operator finds down: each node that has not left. Without one, nobody could vote for evictions.</summary>
    private void Restart()
    {
        foreach (var name in FreeNames().Where(name => _store.Image.Cluster.Nodes.GetValueOrDefault(name) is { IsActive: true }))
            StartNode(name);
        if (_nodes.Count == 0)
            StartNode($"n{_started++}");
    }

    private void RequireRest()
    {
        for (var number = 0; number < Shard.Count; number++)
        {
            var shard = new Shard(number);
            var holders = _nodes.FindAll(node => node.Gates.IsOpen(shard));
            if (holders.Count != 1 || !holders[0].Node.IsConfirmed)
                throw new BrokenPromiseException("Live", $"{holders.Count} nodes of {_nodes.Count} have opened shard {shard}");
        }
        foreach (var node in _nodes)
        {
            if (node.Node.Router.Count > SteadyNames.Length + 1) // the last heartbeats of the steady clients
                throw new BrokenPromiseException("Live", $"{node.Id} has {node.Node.Router.Count} calls without an answer");
        }
    }

    private async Task SettleAsync(ClusterWatch watch)
    {
        for (var quiet = 0; quiet < 3;)
        {
            if (!watch.IsOpen)
                await watch.ResumeAsync(_nodes[0], _sid, choice: 1);
            if (await watch.ReadAsync())
            {
                quiet = 0;
                continue;
            }
            quiet++;
            Advance(Limits.Tick * 2);
        }
        if (watch.IsLost)
            throw new BrokenPromiseException("OneTimeline", "a watch of lost commits goes on");
        Learn();
        watch.Client.RequireTruth((await _store.ListUsersAsync(_sid, 0, 100, online: null, default)).Users);
    }

    private static HeartbeatResult Beat(SimulatedNode node, CachedService service, string user, string session) =>
        node.Node.Router.Beat(service, RefOf(user, mayCreate: true), World.Session(session), stream: null);

    private static UserRef RefOf(string user, bool mayCreate) => new(World.Id(user), Sid: null, mayCreate);

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    // Errors are expected here, and no code waits for the outcome.
    private static void Observe(Task outcome) => _ = outcome.ContinueWith(
        static done => done.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

    /// <summary>Records every commit of a node.</summary>
    private sealed class TruthPublisher(
        ICommitPublisher next, Truth truth, bool needsUsers, Action learn, Action<ServiceCommit> published) : ICommitPublisher
    {
        // The truth is more exact with all users. Without them, commits are partial as long as nobody watches.
        public bool NeedsUsers(ServiceSid service) => needsUsers || next.NeedsUsers(service);

        public void Publish(IReadOnlyList<ServiceCommit> commits)
        {
            foreach (var commit in commits)
            {
                if (commit.IsPartial)
                {
                    learn();
                    truth.TakePartial(commit);
                }
                else
                {
                    truth.TakeUnordered(commit);
                }
                published(commit);
            }
            next.Publish(commits);
        }
    }
}
