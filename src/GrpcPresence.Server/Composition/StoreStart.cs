using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Composition;

/// <summary>
/// Opens a store that another machine may hold: after a power failure both start at the same time, and the database may take longer. The
/// server listens when the store is open, so until then clients and probes reach other nodes, or nothing.
/// </summary>
internal sealed class StoreStart(TimeProvider time, ILogger<StoreStart> logger)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Opens the store, and tries again while it is away, with pauses that double up to five seconds. Logs the first failure, and each
    /// whose reason differs from the one before.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled first.</exception>
    public async Task<TStore> OpenAsync<TStore>(Func<CancellationToken, Task<TStore>> open, string target, CancellationToken stop)
    {
        var pause = FirstPause;
        for (string? logged = null; ;)
        {
            stop.ThrowIfCancellationRequested();
            try
            {
                return await open(stop);
            }
            catch (StorageException exception)
            {
                if (exception.Message != logged)
                    Log.StoreAwayAtStart(logger, target, logged = exception.Message);
            }
            await Task.Delay(pause, time, stop);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }
}
