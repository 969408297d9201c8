using BenchmarkDotNet.Attributes;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Writing;
using GrpcPresence.MicroBench.Fixture;

namespace GrpcPresence.MicroBench.Watching;

/// <summary>
/// The writer's cost of one change when one of ten thousand watchers watches that user, and each of the others another one. The changes are
/// of many users, so that no watcher has more than one to read.
/// </summary>
public class PublishToOneBenchmarks : WorldBenchmarks
{
    private const int Watchers = 10_000;
    private const int Changes = 1_000;

    private readonly ServiceCommit[][] _commits = new ServiceCommit[Changes][];
    private Audience _audience = null!;

    /// <summary>Whether the watchers wait for the change, as in <see cref="PublishToAllBenchmarks.Asleep"/>.</summary>
    [Params(false, true)]
    public bool Asleep { get; set; }

    private ArraySegment<Watch> Concerned => new(_audience.Watches, 0, Changes);

    /// <summary>Opens the watches.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _audience = new Audience(World, Watchers, watch => [new UserKey(Sample.Identity(watch))]);
    }

    /// <summary>Creates the commits.</summary>
    [IterationSetup]
    public void Prepare()
    {
        for (var user = 0; user < Changes; user++)
            _commits[user] = _audience.NextCommit(firstUser: user, count: 1);
        if (!Asleep)
            return;
        foreach (var watch in Concerned)
            watch.FallAsleep();
    }

    /// <summary>Lets the watchers read what was published.</summary>
    [IterationCleanup]
    public void Drain()
    {
        foreach (var watch in Concerned)
            watch.Next();
    }

    /// <summary>Publishes a commit of one change.</summary>
    [Benchmark(OperationsPerInvoke = Changes)]
    public void Publish()
    {
        foreach (var commit in _commits)
            World.Hub.Publish(commit);
    }
}
