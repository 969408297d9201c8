using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Simulation;

/// <summary>
/// Lets time pass for whole nodes on one thread: moves all clocks, delivers messages at their times, and has each node do what is due.
/// </summary>
/// <param name="quantum">The time between two steps of all nodes. Messages are delivered, and answered, at their own times.</param>
/// <param name="clock">True time.</param>
/// <param name="storeTime">The clock of the store.</param>
/// <param name="network">The network.</param>
/// <param name="membership">The views.</param>
/// <param name="continuations">What waiting watches do when they continue.</param>
/// <param name="nodes">The nodes. The callbacks may change the list.</param>
internal sealed class SteppedNodes(
    TimeSpan quantum,
    SimulatedClock clock,
    SimulatedTime storeTime,
    SimulatedNetwork network,
    SimulatedMembership membership,
    Continuations continuations,
    List<SimulatedNode> nodes)
{
    /// <summary>Called after messages were delivered, and the nodes have done what follows from them.</summary>
    public Action? Delivered { get; set; }

    /// <summary>Called before the nodes do what is due.</summary>
    public Action? Stepping { get; set; }

    /// <summary>Called after a node has done what is due.</summary>
    public Action<SimulatedNode>? Stepped { get; set; }

    /// <summary>Called after all nodes have done what is due.</summary>
    public Action? AllStepped { get; set; }

    /// <summary>Lets time pass.</summary>
    public void Advance(TimeSpan by)
    {
        for (var end = clock.Now + by; clock.Now < end;)
        {
            var next = clock.Now + quantum;
            while (network.NextDelivery is { } due && due <= next)
            {
                MoveClocks(TickAfter(due));
                network.DeliverDue();
                continuations.Run();
                foreach (var node in nodes)
                {
                    node.StepIfReceived();
                    continuations.Run();
                }
                Delivered?.Invoke();
            }
            MoveClocks(next);
            membership.Advance();
            Stepping?.Invoke();
            foreach (var node in nodes.ToArray())
            {
                node.Step();
                continuations.Run();
                Stepped?.Invoke(node);
            }
            AllStepped?.Invoke();
        }
    }

    // The clocks tick in milliseconds. What arrives between two ticks arrives in its order, and a node does once what follows from it.
    private static TimeSpan TickAfter(TimeSpan due) =>
        TimeSpan.FromTicks((due.Ticks + TimeSpan.TicksPerMillisecond - 1) / TimeSpan.TicksPerMillisecond * TimeSpan.TicksPerMillisecond);

    private void MoveClocks(TimeSpan now)
    {
        if (now <= clock.Now)
            return;
        storeTime.Advance(now - clock.Now);
        clock.AdvanceTo(now);
        foreach (var node in nodes)
            node.AdvanceTo(now);
        continuations.Run();
    }
}
