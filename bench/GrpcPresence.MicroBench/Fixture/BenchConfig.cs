using System.Reflection;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace GrpcPresence.MicroBench.Fixture;

/// <summary>How the benchmarks run.</summary>
internal static class BenchConfig
{
    private static readonly string ResultsFolder = typeof(BenchConfig).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(data => data.Key == nameof(ResultsFolder)).Value!;

    /// <summary>The settings of all benchmarks; options of the command line go on top.</summary>
    public static IConfig Create()
    {
        var config = ManualConfig.CreateEmpty()
            .AddJob(Job())
            .AddDiagnoser(MemoryDiagnoser.Default)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            // What else runs on the machine lengthens most iterations, and seldom all of them.
            .AddColumn(StatisticColumn.Min, StatisticColumn.Median)
            .AddExporter(MarkdownExporter.GitHub)
            .AddLogger(ConsoleLogger.Default)
            .AddValidator([.. DefaultConfig.Instance.GetValidators()])
            .WithArtifactsPath(ResultsFolder);
        // What is run once to see that it runs may be a debug build.
        return Scale.IsQuick ? config.WithOptions(ConfigOptions.DisableOptimizationsValidator) : config;
    }

    /// <summary>
    /// Within this process: a generated project would have to be restored and built against this repository's output folders. Without collections that
    /// are forced between iterations: each would go through a million users.
    /// </summary>
    private static Job Job() => (Scale.IsQuick ? BenchmarkDotNet.Jobs.Job.Dry : BenchmarkDotNet.Jobs.Job.Default.WithWarmupCount(10).WithIterationCount(20))
        .WithToolchain(InProcessEmitToolchain.Instance)
        .WithGcForce(false)
        .AsDefault();
}
