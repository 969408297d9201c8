using System.Diagnostics;

namespace GrpcPresence.Bench.Machine;

/// <summary>Which core runs what: the server under test has one to itself, and the load another.</summary>
internal static class Cores
{
    /// <summary>The core of the servers, of which one at a time has work.</summary>
    public const int Servers = 0;

    /// <summary>The core of the load.</summary>
    public const int Load = 1;

    /// <summary>Whether this process may use one core only.</summary>
    public static bool IsPinned => Environment.ProcessorCount == 1;

    /// <summary>
    /// A process of this program that runs on one core, for the whole of its life: the runtime sizes its collector and its pool by the cores that it
    /// finds at its start.
    /// </summary>
    public static ProcessStartInfo PinnedSelf(int core, IEnumerable<string> arguments) =>
        Pinned(core, Environment.ProcessPath!, [.. HostArguments, .. arguments]);

    /// <summary>A process that runs on one core.</summary>
    public static ProcessStartInfo Pinned(int core, string program, IEnumerable<string> arguments) =>
        new("taskset", ["--cpu-list", $"{core}", program, .. arguments]);

    // The program is either `dotnet`, which is told the assembly, or the executable of this very program.
    private static string[] HostArguments =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? ["exec", typeof(Cores).Assembly.Location] : [];
}
