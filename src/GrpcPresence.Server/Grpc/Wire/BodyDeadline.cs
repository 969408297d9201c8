using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using GrpcPresence.Core.Domain;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// Limits how long a body, or a message of it, may take to arrive: <see cref="Limits.RequestBodyTime"/> from the first read that has to
/// wait. Not safe for more than one thread, except for its timer.
/// </summary>
/// <param name="body">The body that is read.</param>
/// <param name="time">The clock.</param>
internal sealed class BodyDeadline(PipeReader body, TimeProvider time)
{
    private readonly long _began = time.GetTimestamp();

    // Guards the two flags. It also keeps the timer from cancelling a read of the next request, for which Kestrel may use the same reader.
    // So the cancellation runs under it, and may run the continuation of the read on the same thread.
    private readonly Lock _lock = new();
    private bool _isReading;
    private bool _isOverdue;

    /// <summary>Waits for a read of the body. Returns null when the time is over first; then no read is pending.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<ReadResult?> WaitAsync(ValueTask<ReadResult> reading)
    {
        var left = Limits.RequestBodyTime - time.GetElapsedTime(_began);
        if (left <= TimeSpan.Zero)
        {
            await EndAsync(body, reading);
            return null;
        }
        lock (_lock)
            _isReading = true;
        await using var timer = time.CreateTimer(
            static deadline => ((BodyDeadline)deadline!).Expire(), this, left, Timeout.InfiniteTimeSpan);
        ReadResult result;
        bool isOverdue;
        try
        {
            result = await reading;
        }
        finally
        {
            lock (_lock)
                (_isReading, isOverdue) = (false, _isOverdue);
        }
        if (!isOverdue)
            return result;
        End(body, result);
        return null;
    }

    /// <summary>Ends a read that the caller does not wait for. No read is pending when this returns.</summary>
    public static async ValueTask EndAsync(PipeReader body, ValueTask<ReadResult> reading)
    {
        body.CancelPendingRead();
        End(body, await reading);
    }

    // As examined as before: Kestrel would take back the part of the window that it has given to the client for these bytes.
    private static void End(PipeReader body, ReadResult result) => body.AdvanceTo(result.Buffer.Start, result.Buffer.End);

    private void Expire()
    {
        lock (_lock)
        {
            if (!_isReading)
                return;
            _isOverdue = true;
            body.CancelPendingRead();
        }
    }
}
