using BenchmarkDotNet.Attributes;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Watching;
using GrpcPresence.MicroBench.Fixture;

namespace GrpcPresence.MicroBench.Watching;

/// <summary>A watcher whose client has taken the message before takes the next one, of what was published meanwhile.</summary>
public class WatcherDrainBenchmarks : WorldBenchmarks
{
    private const int Watchers = 1_000;

    private Audience _audience = null!;

    /// <summary>Updates of the message.</summary>
    [Params(1, Limits.WatchUpdatesPerMessage)]
    public int Updates { get; set; }

    /// <summary>Opens the watches.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _audience = new Audience(World, Watchers, _ => []);
    }

    /// <summary>Publishes what each watcher is to read.</summary>
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
