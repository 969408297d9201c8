using BenchmarkDotNet.Attributes;
using GrpcPresence.Core.Writing;
using GrpcPresence.MicroBench.Fixture;

namespace GrpcPresence.MicroBench.Watching;

/// <summary>
/// The writer's cost of one change when a thousand watchers watch the whole service instance. Several service instances alternate, because
/// one publish is too short to measure, and the watchers must have read it before the next.
/// </summary>
public class PublishToAllBenchmarks : WorldBenchmarks
{
    private const int Services = 10;
    private const int WatchersPerService = 1_000;

    private readonly ServiceCommit[][] _commits = new ServiceCommit[Services][];
    private Audience[] _audiences = [];

    /// <summary>
    /// Whether the watchers wait for the change. If so, each is woken and reads on another thread, whose allocations count as far as it has
    /// got. Otherwise they are busy with a write, and only note the change.
    /// </summary>
    [Params(false, true)]
    public bool Asleep { get; set; }

    /// <summary>Opens the watches.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _audiences = [.. Enumerable.Range(0, Services).Select(_ => new Audience(World, WatchersPerService, _ => []))];
    }

    /// <summary>Creates a commit for each service instance.</summary>
    [IterationSetup]
    public void Prepare()
    {
        for (var service = 0; service < Services; service++)
            _commits[service] = _audiences[service].NextCommit(firstUser: 0, count: 1);
        if (Asleep)
            ForEach(watch => watch.FallAsleep());
    }

    /// <summary>Lets the watchers read what was published.</summary>
    [IterationCleanup]
    public void Drain() => ForEach(watch => watch.Next());

    /// <summary>Publishes a commit of one change.</summary>
    [Benchmark(OperationsPerInvoke = Services)]
    public void Publish()
    {
        foreach (var commit in _commits)
            World.Hub.Publish(commit);
    }

    private void ForEach(Action<Watch> act)
    {
        foreach (var audience in _audiences)
            Array.ForEach(audience.Watches, act);
    }
}
