using System.Runtime;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>Measures the live objects of the managed heap.</summary>
internal static class Heap
{
    /// <summary>Returns the bytes that remain after a compacting collection.</summary>
    public static long LiveBytes()
    {
        GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: true);
        return GC.GetTotalMemory(forceFullCollection: false);
    }
}
