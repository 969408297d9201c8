using BenchmarkDotNet.Attributes;
using GrpcPresence.Cluster.Wire;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Presence;
using GrpcPresence.MicroBench.Fixture;

namespace GrpcPresence.MicroBench.Cluster;

/// <summary>
/// A batch of heartbeats as bytes and back, and their results as bytes and back: what the form of messages costs both nodes together, for
/// each heartbeat.
/// </summary>
public class NodeMessageBenchmarks
{
    private static readonly NodeId A = new("10.0.0.1:7000", 250_000_000);
    private static readonly NodeId B = new("10.0.0.2:7000", 250_000_001);

    private LinkBatch _heartbeats = null!;
    private LinkBatch _results = null!;

    /// <summary>Creates the batches.</summary>
    [GlobalSetup]
    public void CreateBatches()
    {
        var service = new ServiceSid(1);
        _heartbeats = new LinkBatch(
            1,
            [
                .. Enumerable.Range(0, 100).Select(user => (LinkItem)new HeartbeatItem(
                    1_000_000 + user,
                    Shard.Of(service, Sample.Identity(user)),
                    service,
                    1,
                    new UserRef(Sample.Identity(user), Sid: null, MayCreate: true),
                    Sample.Session(user),
                    Stream: null)),
            ]);
        _results = new LinkBatch(
            1, [.. Enumerable.Range(0, 100).Select(call => (LinkItem)new ResultItem(1_000_000 + call, CallResult.Done.Empty))]);
    }

    /// <summary>Heartbeats there, results back.</summary>
    [Benchmark(OperationsPerInvoke = 100)]
    public int ThereAndBack() => Carry(A, B, _heartbeats) + Carry(B, A, _results);

    private static int Carry(NodeId from, NodeId to, NodeMessage message)
    {
        MessageCodec.Decode(MessageCodec.Encode(from, to, message), to, out _, out var decoded, out _);
        return ((LinkBatch)decoded!).Items.Length;
    }
}
