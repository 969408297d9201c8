namespace GrpcPresence.Core.Tests.Cluster.Simulation;

/// <summary>
/// One step of a history. Its text shows what it does. The numbers select among what exists when it runs, so that any part of a history
/// runs.
/// </summary>
internal sealed record ClusterStep(ClusterAct Act, int A, int B)
{
    public override string ToString() => $"new(ClusterAct.{Act}, {A}, {B}),";

    /// <summary>Returns the history of a seed.</summary>
    public static IReadOnlyList<ClusterStep> History(int seed, int length)
    {
        var random = new Random(seed);
        var acts = Enum.GetValues<ClusterAct>().SelectMany(act => Enumerable.Repeat(act, Weight(act))).ToArray();
        return
        [
            .. Enumerable.Range(0, length)
                .Select(_ => new ClusterStep(acts[random.Next(acts.Length)], random.Next(1000), random.Next(1000))),
        ];
    }

    private static int Weight(ClusterAct act) => act switch
    {
        ClusterAct.Wait => 20,
        ClusterAct.Beat => 10,
        ClusterAct.Read => 8,
        ClusterAct.Stream => 5,
        ClusterAct.Release or ClusterAct.Unpause or ClusterAct.Heal or ClusterAct.Reconnect or ClusterAct.Land => 4,
        ClusterAct.Hook or ClusterAct.End or ClusterAct.Rename or ClusterAct.Open or ClusterAct.Resume => 3,
        ClusterAct.Burst or ClusterAct.Create or ClusterAct.Delete or ClusterAct.Switch or ClusterAct.Start or ClusterAct.Fault => 2,
        ClusterAct.LoseAnswer => 2,
        _ => 1,
    };
}
