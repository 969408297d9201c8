using System.Runtime.InteropServices;
using GrpcPresence.Core.Reading;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Composition;

/// <summary>
/// The threads that read the store. Reads of SQLite block, and a page takes milliseconds: on the threads that answer heartbeats, a few
/// callers that list users would delay every other call. On Linux these threads also have a lower priority, so that on a busy processor
/// heartbeats and commits run first.
/// </summary>
internal sealed class ReaderThreads : IDisposable
{
    /// <summary>
    /// The maximum number of reads of PostgreSQL at a time, for each of which the store has a connection. PostgreSQL reads in processes of
    /// its own, and the threads only send.
    /// </summary>
    public const int MaxRemote = 16;

    // SQLite reads some 300,000 users a second with one thread, more than one processor can encode.
    private const int Max = 8;

    private const int Niceness = 5;
    private const int OfThread = 0;

    private readonly Thread[] _threads;

    /// <summary>Starts the threads.</summary>
    public ReaderThreads(PresenceMetrics metrics, ServerSettings settings)
    {
        // At least two, so that one tenant cannot occupy all.
        var count = Math.Clamp(Environment.ProcessorCount / 2, 2, Max);
        var reads = settings.Postgres is null ? count : MaxRemote;
        Queue = new ReadQueue(total: reads, perTenant: reads / 2, perCaller: Math.Max(reads / 4, 1));
        _threads = [.. Enumerable.Range(1, count).Select(number => new Thread(Run) { Name = $"reader {number}", IsBackground = true })];
        metrics.ObserveWaitingReads(() => Queue.Count);
        foreach (var thread in _threads)
            thread.Start();
    }

    /// <summary>The reads that wait for a thread.</summary>
    public ReadQueue Queue { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Queue.Close();
        foreach (var thread in _threads)
            thread.Join();
    }

    private void Run()
    {
        // Thread.Priority has no effect on Linux. A thread may always lower its priority; if it cannot, it keeps the present one.
        if (OperatingSystem.IsLinux())
            _ = SetPriority(OfThread, 0, Niceness);
        Queue.Work();
    }

    // On Linux the caller's thread has a priority of its own, although POSIX gives priorities to processes.
    [DllImport("libc", EntryPoint = "setpriority", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetPriority(int which, int id, int niceness);
}
