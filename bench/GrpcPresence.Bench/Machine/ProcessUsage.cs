using System.Globalization;

namespace GrpcPresence.Bench.Machine;

/// <summary>The resource usage of a process, as the kernel counts it.</summary>
/// <param name="Cpu">CPU time of all its threads, in user and kernel mode; in steps of 10 ms.</param>
/// <param name="ResidentBytes">Resident memory.</param>
internal readonly record struct ProcessUsage(TimeSpan Cpu, long ResidentBytes)
{
    private const int TicksPerSecond = 100; // USER_HZ, which is 100 on every Linux that .NET supports

    /// <summary>Reads the present usage.</summary>
    public static ProcessUsage Of(int pid)
    {
        // The name of the program, in parentheses, may contain spaces: count from the end of it.
        var stat = File.ReadAllText($"/proc/{pid}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        var ticks = Number(fields[11]) + Number(fields[12]);
        var resident = File.ReadLines($"/proc/{pid}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return new ProcessUsage(
            TimeSpan.FromSeconds(ticks / (double)TicksPerSecond),
            Number(resident.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2]) * 1024);
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
