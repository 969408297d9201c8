using System.Diagnostics.Metrics;
using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Telemetry;

namespace GrpcPresence.Server.Composition.Cluster;

/// <summary>
/// The metrics of a cluster node, under the meter of <see cref="PresenceMetrics"/>. A single node has none of them. They read the status of
/// the node, which is at most 250 ms old. No attribute names a user or a service instance.
/// </summary>
internal sealed class NodeMetrics(IMeterFactory factory)
{
    private static readonly NodePhase[] Phases = Enum.GetValues<NodePhase>();

    private readonly Meter _meter = factory.Create(PresenceMetrics.MeterName); // the factory returns the same meter for the same name

    /// <summary>Observes the status of a node.</summary>
    public void Observe(Func<ClusterNodeStatus> read)
    {
        _meter.CreateObservableUpDownCounter(
            "presence.node.state",
            () => StatesOf(read()),
            "{node}",
            "1 for the state in which this node is: joining, joined, ready, leaving, ended; 0 for the others.");
        _meter.CreateObservableUpDownCounter(
            "presence.node.shards",
            () => ShardsOf(read()),
            "{shard}",
            "Shards by state: target counts those that the node should hold, open those that it answers for, and waiting those that it "
                + "holds or should hold and does not answer for.");
        _meter.CreateObservableUpDownCounter(
            "presence.node.members", () => read().Members.Length, "{node}", "Nodes that the store shows as active.");
        _meter.CreateObservableGauge(
            "presence.node.confirmed",
            () => read().Confirmation.State == ConfirmationState.Confirmed ? 1 : 0,
            "{node}",
            "1 while the node may answer calls that depend on sessions.");
        _meter.CreateObservableGauge(
            "presence.node.confirmation.age",
            () => AgesOf(read()),
            "s",
            "Time since the node sent the last renewal of its lease that the store has acknowledged.");
        _meter.CreateObservableUpDownCounter(
            "presence.node.link.items", () => LinksOf(read()), "{item}", "Items that wait for another node, or for its acknowledgement.");
        _meter.CreateObservableGauge(
            "presence.node.status.age",
            () => read().Age.TotalSeconds,
            "s",
            "Time since the loop of the node has taken its status. Above a second, the loop is stuck, or the node has ended.");
    }

    private static IEnumerable<Measurement<int>> StatesOf(ClusterNodeStatus status)
    {
        var isReady = status is { Phase: NodePhase.Joined, IsReady: true };
        return Phases
            .Select(phase => Measure(phase == status.Phase && !isReady ? 1 : 0, "state", phase.ToString().ToLowerInvariant()))
            .Append(Measure(isReady ? 1 : 0, "state", "ready"));
    }

    private static IEnumerable<Measurement<int>> ShardsOf(ClusterNodeStatus status) =>
    [
        Measure(status.Shards.Targets, "shard.state", "target"),
        Measure(status.Shards.Open, "shard.state", "open"),
        Measure(status.Shards.Waits.Sum(wait => wait.Count), "shard.state", "waiting"),
    ];

    private static IEnumerable<Measurement<double>> AgesOf(ClusterNodeStatus status) =>
        status.Confirmation.RenewedBefore is { } age ? [new Measurement<double>((age + status.Age).TotalSeconds)] : [];

    private static IEnumerable<Measurement<int>> LinksOf(ClusterNodeStatus status) =>
        status.Peers.Select(peer => Measure(peer.QueuedItems + peer.SentItems, "peer", peer.Node.Name));

    private static Measurement<int> Measure(int value, string attribute, string name) =>
        new(value, new KeyValuePair<string, object?>($"presence.node.{attribute}", name));
}
