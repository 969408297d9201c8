using System.Reflection;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace GrpcPresence.MicroBench.Fixture;

/// <summary>Configures the benchmarks.</summary>
internal static class BenchConfig
{
    private static readonly string ResultsFolder = typeof(BenchConfig).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(data => data.Key == nameof(ResultsFolder)).Value!;

    /// <summary>Returns the settings of all benchmarks. Command-line options override them.</summary>
    public static IConfig Create()
    {
        var config = ManualConfig.CreateEmpty()
            .AddJob(Job())
            .AddDiagnoser(MemoryDiagnoser.Default)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            // Other work on the machine lengthens most iterations, but seldom all of them.
            .AddColumn(StatisticColumn.Min, StatisticColumn.Median)
            .AddExporter(MarkdownExporter.GitHub)
            .AddLogger(ConsoleLogger.Default)
            .AddValidator([.. DefaultConfig.Instance.GetValidators()])
            .WithArtifactsPath(ResultsFolder);
        // A run that only checks that everything works may be a debug build.
        return Scale.IsQuick ? config.WithOptions(ConfigOptions.DisableOptimizationsValidator) : config;
    }

    /// <summary>
    /// Runs in this process, because a generated project would have to be restored and built against this repository's output folders.
    /// Forces no collection between iterations, because each would go through a million users.
    /// </summary>
    private static Job Job() => (Scale.IsQuick
            ? BenchmarkDotNet.Jobs.Job.Dry
            : BenchmarkDotNet.Jobs.Job.Default.WithWarmupCount(10).WithIterationCount(20))
        .WithToolchain(InProcessEmitToolchain.Instance)
        .WithGcForce(false)
        .AsDefault();
}
