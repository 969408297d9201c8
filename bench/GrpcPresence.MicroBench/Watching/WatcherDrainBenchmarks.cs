using BenchmarkDotNet.Attributes;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Watching;
using GrpcPresence.MicroBench.Fixture;

namespace GrpcPresence.MicroBench.Watching;

/// <summary>A watcher takes the next message of what was published since its client took the last one.</summary>
public class WatcherDrainBenchmarks : WorldBenchmarks
{
    private const int Watchers = 1_000;

    private Audience _audience = null!;

    /// <summary>Updates per message.</summary>
    [Params(1, Limits.WatchUpdatesPerMessage)]
    public int Updates { get; set; }

    /// <summary>Opens the watches.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _audience = new Audience(World, Watchers, _ => []);
    }

    /// <summary>Publishes what each watcher will read.</summary>
    [IterationSetup]
    public void Publish() => World.Hub.Publish(_audience.NextCommit(firstUser: 0, Updates));

    /// <summary>Reads one message.</summary>
    [Benchmark(OperationsPerInvoke = Watchers)]
    public WatchEvent Read()
    {
        WatchEvent last = null!;
        foreach (var watch in _audience.Watches)
            last = watch.Next();
        return last;
    }
}
