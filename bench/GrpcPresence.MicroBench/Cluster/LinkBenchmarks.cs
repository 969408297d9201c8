using System.Collections.Immutable;
using BenchmarkDotNet.Attributes;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.MicroBench.Fixture;

namespace GrpcPresence.MicroBench.Cluster;

/// <summary>
/// Heartbeats over links and their results back, for both nodes together, without a transport and without the tracker: what the order and
/// the acknowledgements cost.
/// </summary>
public class LinkBenchmarks
{
    private static readonly NodeId A = new("presence-a", 1);
    private static readonly NodeId B = new("presence-b", 1);
    private static readonly TimeSpan Deadline = TimeSpan.FromDays(1);

    private readonly Ingress _ingress = new();
    private readonly NodeLinks _from;
    private Beat[] _beats = [];

    /// <summary>Connects two nodes. A message arrives as soon as it is sent.</summary>
    public LinkBenchmarks()
    {
        var toOwner = new Wire(A);
        var toIngress = new Wire(B);
        var owner = new Owner();
        _from = new NodeLinks(toOwner, _ingress);
        owner.Links = new NodeLinks(toIngress, owner);
        toOwner.Target = owner.Links;
        toIngress.Target = _from;
    }

    /// <summary>Heartbeats in a batch. With 1, each message carries one.</summary>
    [Params(1, 100, 1000)]
    public int Batch { get; set; }

    /// <summary>Creates the heartbeats, which an ingress would have created from its calls.</summary>
    [GlobalSetup]
    public void CreateBeats() =>
        _beats =
        [
            .. Enumerable.Range(0, 1000)
                .Select(user => new Beat(user, new ServiceSid(1), Sample.Identity(user), Sample.Session(user))),
        ];

    /// <summary>Sends 1,000 heartbeats and receives their results.</summary>
    [Benchmark(OperationsPerInvoke = 1000)]
    public int Forward()
    {
        for (var begin = 0; begin < _beats.Length; begin += Batch)
        {
            for (var beat = 0; beat < Batch; beat++)
                _from.TrySend(B, _beats[begin + beat], Deadline);
            _from.Flush(B, TimeSpan.Zero);
        }
        return _ingress.Results;
    }

    private sealed record Beat(long Operation, ServiceSid Service, Identity User, SessionId Session) : LinkItem
    {
        public override int Size => 100;
    }

    private sealed record BeatResult(long Operation, bool IsOnline) : LinkItem
    {
        public override int Size => 16;
    }

    private sealed class Ingress : ILinkReceiver
    {
        public int Results { get; private set; }

        public void Receive(NodeId from, ImmutableArray<LinkItem> items) => Results += items.Length;

        public void Drop(NodeId node, DroppedItem lost) => throw new InvalidOperationException("No item expires here.");
    }

    private sealed class Owner : ILinkReceiver
    {
        public NodeLinks Links { get; set; } = null!;

        public void Receive(NodeId from, ImmutableArray<LinkItem> items)
        {
            foreach (var item in items)
                Links.TrySend(from, new BeatResult(((Beat)item).Operation, IsOnline: true), Deadline);
            Links.Flush(from, TimeSpan.Zero);
        }

        public void Drop(NodeId node, DroppedItem lost) => throw new InvalidOperationException("No item expires here.");
    }

    private sealed class Wire(NodeId from) : INodeChannel
    {
        public NodeLinks Target { get; set; } = null!;

        public void Send(NodeId receiver, NodeMessage message) => Target.Receive(from, message, TimeSpan.Zero);
    }
}

/// <summary>The targets of all shards, as each node computes them for each view.</summary>
public class ShardTargetBenchmarks
{
    /// <summary>Nodes of the view.</summary>
    [Params(7, 100)]
    public int Nodes { get; set; }

    /// <summary>Computes the targets of a new view.</summary>
    [Benchmark]
    public NodeId? Compute()
    {
        var view = new ClusterView(1, [.. Enumerable.Range(0, Nodes).Select(node => new NodeId(Names[node], 1))]);
        return ShardTargets.Of(view)[new Shard(5)];
    }

    private static readonly string[] Names = [.. Enumerable.Range(0, 100).Select(node => $"presence-{node:D3}")];
}
