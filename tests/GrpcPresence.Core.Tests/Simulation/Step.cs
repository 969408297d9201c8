namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>
/// One step of a history. Its text shows what it does. The numbers select among what exists when it runs, so that any part of a history
/// runs.
/// </summary>
internal sealed record Step(Act Act, int A, int B)
{
    /// <summary>Whether the feed may miss a batch because of this step.</summary>
    public bool MakesGap => Act is Act.Lose or Act.Delay or Act.Fault;

    public override string ToString() => $"{Act}({A}, {B})";

    /// <summary>Returns the history of a seed.</summary>
    public static IReadOnlyList<Step> History(int seed, int length)
    {
        var random = new Random(seed);
        var acts = Enum.GetValues<Act>().SelectMany(act => Enumerable.Repeat(act, Weight(act))).ToArray();
        return [.. Enumerable.Range(0, length).Select(_ => new Step(acts[random.Next(acts.Length)], random.Next(1000), random.Next(1000)))];
    }

    private static int Weight(Act act) => act switch
    {
        Act.Beat => 14,
        Act.Read => 16,
        Act.End or Act.Rename or Act.Open => 4,
        Act.Write => 6,
        Act.Create or Act.Delete or Act.Bind or Act.Unbind or Act.Resume or Act.Wait or Act.Release or Act.Arrive => 3,
        Act.Sweep or Act.Confirm or Act.Restart or Act.Backup or Act.Restore => 1,
        _ => 2,
    };
}
