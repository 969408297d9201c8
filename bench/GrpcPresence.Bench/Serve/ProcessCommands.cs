using System.Globalization;
using System.Runtime;

namespace GrpcPresence.Bench.Serve;

/// <summary>
/// What the benchmark may ask of a server that it has started, over the standard input: no server offers these to a client. The process ends with
/// its input, so that none outlives the benchmark.
/// </summary>
internal sealed class ProcessCommands(LatenessProbe? lateness = null)
{
    /// <summary>Reads commands on a thread of its own.</summary>
    public void Start() => new Thread(Run) { IsBackground = true }.Start();

    private void Run()
    {
        while (Console.In.ReadLine() is { } command)
        {
            switch (command)
            {
                case "collect":
                    Collect();
                    Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"collected {GC.GetTotalMemory(forceFullCollection: false)}"));
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
        // Twice, because finalizers let go of more; aggressive gives what is free back to the system.
        for (var i = 0; i < 2; i++)
        {
            GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }
    }
}
