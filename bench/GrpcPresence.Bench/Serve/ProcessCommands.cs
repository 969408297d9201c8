using System.Globalization;
using System.Runtime;

namespace GrpcPresence.Bench.Serve;

/// <summary>
/// The commands that the benchmark sends to its own servers over the standard input. No server offers them to clients. The process ends
/// with its input, so that it does not outlive the benchmark.
/// </summary>
internal sealed class ProcessCommands(LatenessProbe? lateness = null)
{
    /// <summary>Reads commands on a separate thread.</summary>
    public void Start() => new Thread(Run) { IsBackground = true }.Start();

    private void Run()
    {
        while (Console.In.ReadLine() is { } command)
        {
            switch (command)
            {
                case "collect":
                    Collect();
                    Console.Out.WriteLine(
                        string.Create(CultureInfo.InvariantCulture, $"collected {GC.GetTotalMemory(forceFullCollection: false)}"));
                    break;
                case "lateness":
                    Console.Out.WriteLine(lateness!.Take());
                    break;
            }
        }
        Environment.Exit(0);
    }

    private static void Collect()
    {
        // Twice, because finalizers release more. An aggressive collection returns free memory to the system.
        for (var i = 0; i < 2; i++)
        {
            GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }
    }
}
