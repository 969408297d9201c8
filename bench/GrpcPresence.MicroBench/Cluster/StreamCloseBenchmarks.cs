using BenchmarkDotNet.Attributes;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Cluster.Hints;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.MicroBench.Fixture;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Testing;

namespace GrpcPresence.MicroBench.Cluster;

/// <summary>
/// The loop of a node that owns the sessions of many heartbeat streams of another node, when the clients of that node close half of them at
/// once. A step must be much shorter than a confirmation lasts.
/// </summary>
public class StreamCloseBenchmarks : IDisposable
{
    private static readonly NodeId Self = new("presence-a", 1);
    private static readonly NodeId Ingress = new("presence-b", 1);
    private static readonly Shard Moving = new(7);

    private Owner? _owner;

    /// <summary>The streams that the node knows, each with a user.</summary>
    [ParamsSource(nameof(StreamCounts))]
    public int Streams { get; set; }

    /// <summary>The streams of a large node; few in a quick run.</summary>
    public static IEnumerable<int> StreamCounts => [Scale.IsQuick ? Scale.Few : 100_000];

    /// <summary>Starts a node, and has it meet the streams.</summary>
    [IterationSetup(Targets = [nameof(Step), nameof(StepUntilClosed)])]
    public void Start()
    {
        Begin();
        _owner!.Close(Streams / 2);
    }

    /// <summary>The same, without a close. A shard leaves.</summary>
    [IterationSetup(Target = nameof(Load))]
    public void StartWithoutShard()
    {
        Begin();
        _owner!.Tracker.Shards!.Close(Moving);
    }

    /// <summary>One step after the closes have arrived.</summary>
    [Benchmark]
    public void Step() => _owner!.Node.Step();

    /// <summary>Steps until the streams are closed.</summary>
    [Benchmark]
    public int StepUntilClosed()
    {
        var steps = 0;
        for (; _owner!.Tracker.Streams!.Count > Streams / 2; steps++)
            _owner.Node.Step();
        return steps;
    }

    /// <summary>Begins to load a shard.</summary>
    [Benchmark]
    public ShardLoad Load() => _owner!.Tracker.Shards!.Load(Moving);

    /// <summary>Disposes of the node.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _owner?.Dispose();
        GC.SuppressFinalize(this);
    }

    private void Begin()
    {
        _owner?.Dispose();
        _owner = new Owner();
        _owner.Meet(Streams);
    }

    /// <summary>The only node of a view, which holds all shards.</summary>
    private sealed class Owner : IClusterView, INodeChannel, ICallExecutor, IDisposable
    {
        private readonly CommandQueue _queue = new();
        private readonly PresenceMetrics _metrics = new();
        private readonly InMemoryPresenceStore _store;
        private readonly InMemoryPresenceStore _ofNode;
        private readonly WatchHub _hub;
        private readonly CachedService _service;
        private long _batches;

        public Owner()
        {
            var (clock, gates, keys, status) = (new BenchClock(), new ShardGates(), new ApiKeyCache(), new StorageStatus());
            _store = new InMemoryPresenceStore(seed: 1, clock); // a node whose clock is another one is not ready
            _ofNode = _store.OpenNode();
            var services = new ServiceCache(_ofNode);
            Tracker = new PresenceTracker(clock, _queue, _metrics, gates);
            var time = new NodeClock(clock);
            _hub = new WatchHub(_ofNode, new UserEncoder(), status, _metrics, clock, new Random(1), Limits.WatchStallTimeout);
            Node = new ClusterNode(new NodeParts
            {
                View = this,
                Channel = this,
                Store = _ofNode,
                Clock = time,
                Confirmation = new ConfirmationProtocol(this, this, time.Now),
                Gates = gates,
                Tracker = Tracker,
                Queue = _queue,
                Services = services,
                Keys = keys,
                Hub = _hub,
                Hints = new CommitHints(this, this, status),
                Quotas = new SharedQuotas(Unlimited, Unlimited, clock),
                Status = status,
                Executor = this,
            });
            _service = CreateService(services, keys, status, clock);
            for (var step = 0; !Node.IsReady; step++)
            {
                if (step == 1_000)
                    throw new InvalidOperationException($"The node is not ready: {Node.ReadStatus()}.");
                Node.Step();
                clock.Advance(Limits.NodeStep);
            }
        }

        public ClusterNode Node { get; }

        public PresenceTracker Tracker { get; }

        public NodeId Self => StreamCloseBenchmarks.Self;

        public ClusterView Current { get; } = new(1, [StreamCloseBenchmarks.Self]);

        private static QuotaLimits Unlimited { get; } = new()
        {
            OpenStreams = int.MaxValue,
            WatchedUsers = int.MaxValue,
            HeartbeatsPerSecond = int.MaxValue,
            WritesPerSecond = int.MaxValue,
            NewStreamsPerSecond = int.MaxValue,
            RowsReadPerSecond = int.MaxValue,
            ConcurrentReads = int.MaxValue,
        };

        public void Meet(int streams)
        {
            for (var number = 0; number < streams; number++)
            {
                var visit = Sample.Visit(number);
                var stream = Tracker.Streams!.Meet(new StreamId(Ingress, number), endSessionsOnClose: true);
                if (Tracker.Beat(_service, visit.Address, visit.Session, stream).IsMoved)
                    throw new InvalidOperationException("The node does not hold each shard.");
            }
        }

        public void Close(int streams) => Node.Receive(
            Ingress,
            new LinkBatch(
                ++_batches,
                [
                    .. Enumerable.Range(0, streams)
                        .Select(LinkItem (number) => new CloseStreamItem(new StreamId(Ingress, number), EndsSessions: true)),
                ]));

        public void Send(NodeId receiver, NodeMessage message)
        {
        }

        public Task<CallResponse> ExecuteAsync(Shard shard, ReadOnlyMemory<byte> request, bool isCharged) =>
            throw new InvalidOperationException("Nobody calls.");

        public void Dispose()
        {
            _queue.Dispose();
            _hub.Dispose();
            _metrics.Dispose();
            _ofNode.Dispose();
            _store.Dispose();
        }

        private CachedService CreateService(ServiceCache services, ApiKeyCache keys, StorageStatus status, BenchClock clock)
        {
            using var queue = new CommandQueue();
            using var metrics = new PresenceMetrics();
            var writer = new CommandWriter(
                _store, queue, services, new PresenceTracker(clock, queue, metrics), [], keys, status, metrics, clock,
                Limits.TombstoneRetention, int.MaxValue);
            var created = queue.SubmitAsync(new CreateServiceInstance(sid: null, ""));
            while (!created.IsCompleted)
                writer.WriteOnce();
            return services.Apply(_store.Image.Get(created.GetAwaiter().GetResult().Sid).Record, services.Generation);
        }
    }
}
