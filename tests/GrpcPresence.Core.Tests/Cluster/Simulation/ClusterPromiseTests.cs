namespace GrpcPresence.Core.Tests.Cluster.Simulation;

/// <summary>
/// Short histories, each full of what endangers one promise, so that few of them notice when it is broken.
/// </summary>
public sealed class ClusterPromiseTests
{
    private const int Histories = 2;
    private const int Rounds = 4;

    private static readonly ClusterAct[] Writes = [ClusterAct.Create, ClusterAct.Rename, ClusterAct.Delete, ClusterAct.Switch];

    /// <summary>An owner runs writes and cannot answer. Then it ends, and another node owns the users.</summary>
    [Fact]
    public Task Durable_a_write_whose_owner_ends_before_its_answer_runs_at_most_once() => RunAsync(random =>
    [
        Step(ClusterAct.Start, random),
        Step(ClusterAct.Start, random),
        .. CutOneWay(random),
        .. CutOneWay(random),
        .. WriteTimes(8, random),
        Step(ClusterAct.Kill, random),
        Step(ClusterAct.Heal, random),
        .. WaitTimes(6, random),
    ]);

    /// <summary>Commits fail before their effect, after it, or land later.</summary>
    [Fact]
    public Task Durable_a_write_is_acknowledged_only_if_its_commit_happened() => RunAsync(random =>
    [
        Step(ClusterAct.Fault, random),
        Step(ClusterAct.Fault, random),
        .. WriteTimes(8, random),
        Step(ClusterAct.Land, random),
        Step(ClusterAct.Wait, random),
    ]);

    private static Task RunAsync(Func<Random, IReadOnlyList<ClusterStep>> round) =>
        Parallel.ForEachAsync(Enumerable.Range(1, Histories), async (seed, _) =>
        {
            var random = new Random(seed);
            ClusterStep[] history = [.. Enumerable.Range(0, Rounds).SelectMany(_ => round(random))];
            await SimulatedCluster.RunAsync(seed, history);
        });

    private static ClusterStep Step(ClusterAct act, Random random) => new(act, random.Next(1000), random.Next(1000));

    private static IEnumerable<ClusterStep> WaitTimes(int count, Random random) =>
        Enumerable.Range(0, count).Select(_ => Step(ClusterAct.Wait, random));

    private static IEnumerable<ClusterStep> WriteTimes(int count, Random random) =>
        Enumerable.Range(0, count).Select(_ => Step(Writes[random.Next(Writes.Length)], random));

    // A cut whose numbers have a sum that is divisible by three is in one direction.
    private static IEnumerable<ClusterStep> CutOneWay(Random random)
    {
        var a = random.Next(1000);
        yield return new ClusterStep(ClusterAct.Cut, a, (3 * random.Next(400)) + (2 * a));
    }
}
