using BenchmarkDotNet.Attributes;

namespace GrpcPresence.MicroBench.Fixture;

/// <summary>Benchmarks over a world. BenchmarkDotNet creates an instance for each of them and each set of parameters.</summary>
/// <remarks>Benchmark classes are public and not sealed because BenchmarkDotNet derives from them.</remarks>
public abstract class WorldBenchmarks : IDisposable
{
    /// <summary>The world.</summary>
    private protected World World { get; } = new();

    /// <summary>Disposes of the world.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        World.Dispose();
        GC.SuppressFinalize(this);
    }
}
