using System.Diagnostics;
using System.Runtime.InteropServices;
using GrpcPresence.Bench.Machine;
using GrpcPresence.Bench.Report;
using GrpcPresence.Bench.Scenarios;

namespace GrpcPresence.Bench;

/// <summary>Runs the named scenarios, or all, and prints their table.</summary>
internal static class BenchProgram
{
    private const int BadArguments = 2;

    /// <summary>Runs the program and returns its exit code: 1 if a scenario failed, whatever the figures are.</summary>
    public static int Run(string[] arguments)
    {
        if (!Cores.IsPinned && Environment.ProcessorCount > Cores.Load)
            return RunPinned(arguments);
        var quick = arguments.Contains("--quick");
        var names = arguments.Where(argument => argument != "--quick").ToHashSet(StringComparer.OrdinalIgnoreCase);
        var unknown = names
            .Where(name => AllScenarios.List.All(scenario => !scenario.Name.Equals(name, StringComparison.OrdinalIgnoreCase)))
            .ToArray();
        if (unknown.Length > 0)
        {
            Console.Error.WriteLine(
                $"Unknown scenario {string.Join(", ", unknown)}. "
                + $"Valid scenarios: {string.Join(", ", AllScenarios.List.Select(scenario => scenario.Name))}.");
            return BadArguments;
        }
        return Run(quick, [.. AllScenarios.List.Where(scenario => names.Count == 0 || names.Contains(scenario.Name))]);
    }

    private static int Run(bool quick, Scenario[] scenarios)
    {
        var results = new Results(Console.Out);
        var failed = 0;
        using var workspace = new Workspace();
        var run = new BenchRun(quick, workspace, results, Console.Out);
        Console.WriteLine($"{Machine()}{(quick ? "; quick: the figures are meaningless" : "")}");
        for (var i = 0; i < scenarios.Length; i++)
        {
            var began = Stopwatch.GetTimestamp();
            Console.WriteLine($"[{i + 1}/{scenarios.Length}] {scenarios[i].Name} ({scenarios[i].Rows})");
            try
            {
                scenarios[i].Run(run);
            }
#pragma warning disable CA1031 // one scenario that does not work must not take the others' figures with it
            catch (Exception exception)
#pragma warning restore CA1031
            {
                failed++;
                Console.WriteLine($"   {scenarios[i].Name} failed: {exception}");
            }
            Console.WriteLine($"   {Stopwatch.GetElapsedTime(began).TotalSeconds:0} s");
        }
        results.PrintTable();
        var path = Path.GetFullPath(Path.Combine("artifacts", "bench", $"{DateTime.UtcNow:yyyyMMdd-HHmmss}.json"));
        results.Save(path, Machine());
        Console.WriteLine($"All figures: {path}");
        Console.WriteLine($"{scenarios.Length - failed} scenarios succeeded, {failed} failed");
        return failed == 0 ? 0 : 1;
    }

    private static int RunPinned(string[] arguments)
    {
        using var pinned = Process.Start(Cores.PinnedSelf(Cores.Load, arguments))!;
        pinned.WaitForExit();
        return pinned.ExitCode;
    }

    private static string Machine()
    {
        var processor = File.ReadLines("/proc/cpuinfo")
            .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim();
        return $"{processor ?? $"{RuntimeInformation.ProcessArchitecture}"}, {RuntimeInformation.OSDescription}, "
            + $"{RuntimeInformation.FrameworkDescription}; "
            + $"servers on core {Cores.Servers}, load on core {Cores.Load}";
    }
}
