using System.Globalization;
using System.Text;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Cluster.Hints;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Webhooks;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Cluster;

using ClusterNode = GrpcPresence.Core.Cluster.Node.ClusterNode;

namespace GrpcPresence.Core.Tests.Cluster.Simulation;

/// <summary>One run of a node: the real Core on a clock of its own, which stands still while the node is paused.</summary>
internal sealed class SimulatedNode : IDisposable, ICallExecutor
{
    /// <summary>Shorter than a history, so that some watches resume from before a purge.</summary>
    private static readonly TimeSpan TombstoneRetention = TimeSpan.FromSeconds(3);

    private readonly PresenceMetrics _metrics = new();
    private readonly CommandWriter _writer;
    private readonly PresenceTracker _tracker;
    private readonly CommandQueue _queue = new();
    private readonly List<(Task Command, TaskCompletionSource<CallResponse> Answer)> _commands = [];
    private readonly ServiceSid _service;
    private readonly WebhookDispatcher _webhooks;
    private readonly Continuations _continuations;
    private readonly ClusterBackEnd _backEnd;
    private readonly ClusterQuotas _quotas;
    private TimeSpan _now;
    private TimeSpan _tickedAt;
    private bool _hasReceived;

    public SimulatedNode(
        NodeId id,
        InMemoryPresenceStore store,
        SimulatedMembership membership,
        SimulatedNetwork network,
        ServiceSid service,
        TimeSpan now,
        Continuations continuations,
        Func<WatchHub, ICommitPublisher> publisher,
        ClusterBackEnd backEnd,
        ClusterQuotas quotas)
    {
        (Id, Store, _service, _now, _continuations, _backEnd, _quotas) = (id, store, service, now, continuations, backEnd, quotas);
        Time.Advance(now);
        View = membership.Join(id);
        var view = View;
        var channel = network.Attach(id, Receive);
        var gates = new ShardGates();
        var status = new StorageStatus();
        status.Faulted += exception => Fault ??= exception;
        var clock = new NodeClock(Time);
        var confirmation = new ConfirmationProtocol(view, channel, clock.Now);
        Hints = new CommitHints(view, channel, status);
        Services = new ServiceCache(store);
        _tracker = new PresenceTracker(Time, _queue, _metrics, gates);
        Hub = new WatchHub(
            store, new FixedSizeEncoder(), status, _metrics, Time, new Random(1), Limits.WatchStallTimeout,
            () => confirmation.IsConfirmed(clock.Now))
        {
            Resume = continuations.Add,
        };
        _webhooks = new WebhookDispatcher(
            store, _queue, backEnd.CreateSender(id), status, _metrics, Time, new Random(1), () => confirmation.IsConfirmed(clock.Now))
        {
            Resume = continuations.Add,
            RequestsAtOnce = 1, // several would run in the thread pool
        };
        _ = _webhooks.StartAsync(default); // in a cluster, it is complete at once
        _writer = new CommandWriter(
            store, _queue, Services, _tracker, [publisher(Hub), Hints, _webhooks], Keys, status, _metrics, Time, TombstoneRetention,
            usersPerService: int.MaxValue, new ShardFence(id, gates));
        Gates = gates;
        Node = new ClusterNode(new NodeParts
        {
            View = view,
            Channel = channel,
            Store = store,
            Clock = clock,
            Confirmation = confirmation,
            Gates = gates,
            Tracker = _tracker,
            Queue = _queue,
            Services = Services,
            Keys = Keys,
            Hub = Hub,
            Hints = Hints,
            Quotas = new SharedQuotas(ClusterQuotas.Whole, ClusterQuotas.Whole, Time),
            Webhooks = _webhooks,
            Status = status,
            Executor = this,
        });
        Node.Joined += () => HasJoined = true;
        Resolver = new UserResolver(store, _tracker, new SidCache(Services));
        Users = new RoutedUsers(Resolver, Services, Node.Router, clock);
        Limiter = new QuotaLimiter(ClusterQuotas.Whole, ClusterQuotas.Whole, ClusterQuotas.Whole, _metrics, Time, Node.Quotas);
    }

    public NodeId Id { get; }

    public InMemoryPresenceStore Store { get; }

    public SimulatedTime Time { get; } = new();

    public ClusterNode Node { get; }

    public ShardGates Gates { get; }

    public IClusterView View { get; }

    public QuotaLimiter Limiter { get; }

    public UserResolver Resolver { get; }

    public RoutedUsers Users { get; }

    public WatchHub Hub { get; }

    public CommitHints Hints { get; }

    public ServiceCache Services { get; }

    public ApiKeyCache Keys { get; } = new();

    public HeartbeatStreams Streams => _tracker.Streams!;

    /// <summary>What its steps have returned.</summary>
    public List<NodeEvent> Events { get; } = [];

    /// <summary>Whether the writer may use the store.</summary>
    public bool HasJoined { get; private set; }

    public bool IsPaused { get; set; }

    /// <summary>Whether the writer waits, as for a disk, while the loop of the node goes on.</summary>
    public bool IsWriterHeld { get; set; }

    /// <summary>An exception that a bug has caused, or null.</summary>
    public Exception? Fault { get; private set; }

    /// <summary>Whether clients can call the node.</summary>
    public bool IsServing => !IsPaused && Node.End is null;

    /// <summary>Whether the node answers for the shard now.</summary>
    public bool Answers(Shard shard) => Node.End is null && Gates.IsOpen(shard) && Node.IsConfirmed;

    /// <summary>Moves the clock of the node, unless it is paused.</summary>
    public void AdvanceTo(TimeSpan now)
    {
        if (IsPaused || now <= _now)
            return;
        Time.Advance(now - _now);
        _now = now;
    }

    /// <summary>Does what follows from the messages that have arrived, if any.</summary>
    public void StepIfReceived()
    {
        if (!_hasReceived || !IsServing)
            return;
        Events.AddRange(Node.Step());
        Write();
        Deliver();
    }

    /// <summary>Does what the timer of a node and its writer do.</summary>
    public void Step()
    {
        if (!IsServing)
            return;
        if (_now - _tickedAt >= Limits.Tick)
        {
            _tickedAt = _now;
            _tracker.Tick();
            Hub.Tick();
        }
        Events.AddRange(Node.Step());
        Write();
        Deliver();
    }

    /// <summary>Purges, and returns the number of removed rows. The writer itself does it once a minute.</summary>
    public int Purge()
    {
        try
        {
            return Store.PurgeAsync(Time.GetUtcNow() - TombstoneRetention, Limits.RowsPerPurge).AsTask().GetAwaiter().GetResult();
        }
        catch (StorageException)
        {
            return 0;
        }
    }

    public void Dispose()
    {
        _webhooks.Dispose();
        _queue.Close();
        _queue.Dispose();
        Hub.Dispose();
        _metrics.Dispose();
        Store.Dispose();
    }

    private void Receive(NodeId from, NodeMessage message)
    {
        if (message is SharedQuotaMessage { Message: QuotaReport report })
            _quotas.NoteAnswers(this, report);
        Node.Receive(from, message);
        _hasReceived = true;
    }

    /// <summary>Writes what is queued, and answers.</summary>
    private void Write()
    {
        _hasReceived = false;
        if (IsWriterHeld || (_queue.Count == 0 && _commands.Count == 0))
            return;
        for (var i = 0; i < 4 && _queue.Count > 0; i++)
        {
            var outcome = _writer.WriteOnce();
            _backEnd.Learn();
            if (outcome != WriteOutcome.Written)
                break;
        }
        Answer();
        Events.AddRange(Node.Step());
    }

    /// <summary>Lets the delivery loops do what they can, and stores their positions. Then they sleep, or wait for the endpoint.</summary>
    private void Deliver()
    {
        for (var left = 0; ;) // what a store that is away leaves in the queue
        {
            _continuations.Run();
            if (_queue.Count <= left)
                return;
            left = !IsWriterHeld && _writer.WriteOnce() == WriteOutcome.Written ? 0 : _queue.Count;
            _backEnd.Learn();
            Answer();
        }
    }

    private void Answer()
    {
        _commands.RemoveAll(waiting =>
        {
            if (waiting.Command.IsCompletedSuccessfully)
                waiting.Answer.TrySetResult(default);
            else if (waiting.Command.IsCompleted)
                waiting.Answer.TrySetException(waiting.Command.Exception!.InnerException!);
            return waiting.Command.IsCompleted;
        });
    }

    /// <summary>Runs a call that another node or this one has received.</summary>
    public Task<CallResponse> ExecuteAsync(Shard shard, ReadOnlyMemory<byte> request, bool isCharged)
    {
        if (!Gates.IsOpen(shard))
            return Task.FromException<CallResponse>(new ShardMovedException(shard));
        var words = Encoding.UTF8.GetString(request.Span).Split('\n');
        if (!isCharged)
            _quotas.TryCharge(Limiter, long.Parse(words[0], CultureInfo.InvariantCulture));
        words = words[1..];
        Task command = words[0] switch
        {
            "create" => _queue.SubmitAsync(new CreateUser(_service, World.Id(words[1]), words.ElementAtOrDefault(2) ?? "", "{}", default)),
            "rename" => _queue.SubmitAsync(
                new UpdateUser(_service, World.Key(words[1]), identity: null, etag: "", new UserEdit(words[2], null, null))),
            "delete" => _queue.SubmitAsync(new DeleteUser(_service, World.Key(words[1]), etag: "")),
            "switch" => _queue.SubmitAsync(new UpdateConfiguration(
                _service, etag: "", before => ClusterWrites.CountSwitch(before) with { ReachabilityEnabled = words[1] == "on" })),
            _ => throw new ArgumentException(words[0]),
        };
        var answer = new TaskCompletionSource<CallResponse>(TaskCreationOptions.RunContinuationsAsynchronously);
        _commands.Add((command, answer));
        return answer.Task;
    }
}
