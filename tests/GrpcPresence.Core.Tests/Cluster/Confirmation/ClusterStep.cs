namespace GrpcPresence.Core.Tests.Cluster.Confirmation;

/// <summary>One step of a history. The numbers select among what exists when it runs, so that any part of a history runs.</summary>
internal sealed record ClusterStep(ClusterAct Act, int A, int B)
{
    public override string ToString() => $"new(ClusterAct.{Act}, {A}, {B}),";

    /// <summary>Returns the history of a seed.</summary>
    public static IReadOnlyList<ClusterStep> History(int seed, int length)
    {
        var random = new Random(seed);
        var acts = Enum.GetValues<ClusterAct>().SelectMany(act => Enumerable.Repeat(act, Weight(act))).ToArray();
        return [.. Enumerable.Range(0, length)
            .Select(_ => new ClusterStep(acts[random.Next(acts.Length)], random.Next(1000), random.Next(1000)))];
    }

    private static int Weight(ClusterAct act) => act switch
    {
        ClusterAct.Wait => 8,
        ClusterAct.Isolate => 5,
        ClusterAct.CutStore or ClusterAct.Join => 3,
        ClusterAct.WaitLong or ClusterAct.Pause or ClusterAct.Resume => 2,
        _ => 1,
    };
}

/// <summary>The kinds of steps.</summary>
internal enum ClusterAct
{
    /// <summary>Up to half a second passes.</summary>
    Wait,

    /// <summary>One to four seconds pass.</summary>
    WaitLong,

    /// <summary>Node A cannot reach the store, or its answers do not come, or both.</summary>
    CutStore,

    /// <summary>Node A reaches the store again.</summary>
    HealStore,

    /// <summary>Node A cannot reach the store or some of its peers, and is mostly declared dead.</summary>
    Isolate,

    /// <summary>The store keeps all requests, or executes them again.</summary>
    HoldStore,

    /// <summary>Nodes A and B cannot reach each other.</summary>
    CutPair,

    /// <summary>Node A does not reach node B.</summary>
    CutOneWay,

    /// <summary>All cuts end.</summary>
    Heal,

    /// <summary>The network becomes bad or good.</summary>
    Weather,

    /// <summary>The process of node A is paused.</summary>
    Pause,

    /// <summary>A paused process goes on.</summary>
    Resume,

    /// <summary>The process of node A ends.</summary>
    Kill,

    /// <summary>Node A is declared dead, whatever it does.</summary>
    Convict,

    /// <summary>Node A leaves.</summary>
    Leave,

    /// <summary>A node starts whose name is not active.</summary>
    Join,
}
