using System.Diagnostics;

namespace GrpcPresence.Bench.Machine;

/// <summary>Assigns cores: the server under test has one to itself, and the load another.</summary>
internal static class Cores
{
    /// <summary>The core of the servers, of which only one at a time has work.</summary>
    public const int Servers = 0;

    /// <summary>The core of the load.</summary>
    public const int Load = 1;

    /// <summary>Whether this process may use only one core.</summary>
    public static bool IsPinned => Environment.ProcessorCount == 1;

    /// <summary>
    /// Returns the start of this program in a process that runs on one core from its start, because the runtime sizes its collector and
    /// thread pool by the cores that it finds then.
    /// </summary>
    public static ProcessStartInfo PinnedSelf(int core, IEnumerable<string> arguments) =>
        Pinned(core, Environment.ProcessPath!, [.. HostArguments, .. arguments]);

    /// <summary>Returns the start of a process that runs on one core.</summary>
    public static ProcessStartInfo Pinned(int core, string program, IEnumerable<string> arguments) =>
        new("taskset", ["--cpu-list", $"{core}", program, .. arguments]);

    // The program is either `dotnet`, which needs the path of the assembly, or the executable of this program.
    private static string[] HostArguments =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? ["exec", typeof(Cores).Assembly.Location] : [];
}
