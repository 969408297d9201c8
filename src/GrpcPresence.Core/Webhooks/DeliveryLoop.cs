using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Threading;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Webhooks;

/// <summary>
/// Decides when the endpoint of one service instance gets its next delivery pass: after a commit, after a delay, and after an error of the
/// store or of this program. It ends when the service instance has no URL or does not exist.
/// </summary>
/// <param name="pass">One pass.</param>
/// <param name="endpoint">The endpoint, which the loop closes when it ends.</param>
/// <param name="wake">Set to start the next pass.</param>
/// <param name="backoff">The delay after errors.</param>
/// <param name="status">Receives unexpected exceptions.</param>
/// <param name="time">The clock.</param>
/// <param name="tryRemove">Removes the loop from its owner; false when the loop was woken meanwhile and must run again.</param>
internal sealed class DeliveryLoop(
    DeliveryPass pass,
    WebhookEndpoint endpoint,
    AsyncAutoResetEvent wake,
    Backoff backoff,
    StorageStatus status,
    TimeProvider time,
    Func<DeliveryLoop, bool> tryRemove)
{
    private int _errors; // in a row
    private long _committed; // the last revision that a commit announced, for metrics
    private volatile bool _isDraining;

    /// <summary>Whether the loop was woken, and the pass for that has not begun.</summary>
    public bool IsWoken => wake.IsSet;

    /// <summary>How many revisions the endpoint is behind.</summary>
    public long Lag => Math.Max(0, Math.Max(pass.Revision, Volatile.Read(ref _committed)) - pass.Position);

    /// <summary>
    /// Makes the loop read the settings again, because they may have changed or the service instance may be deleted. No further request
    /// starts under the settings before. Called by any thread; does no work.
    /// </summary>
    public void Reload()
    {
        endpoint.MarkOutdated();
        wake.Set();
    }

    /// <summary>Starts a pass for a commit. Called by any thread; does no work.</summary>
    public void Wake(long revision)
    {
        if (revision > Volatile.Read(ref _committed)) // what other nodes announce may arrive in another order
            Volatile.Write(ref _committed, revision);
        wake.Set();
    }

    /// <summary>
    /// Makes the loop end once its requests in flight have ended and its position is stored. No further request starts. Called by any
    /// thread; does no work.
    /// </summary>
    public void Drain()
    {
        _isDraining = true;
        endpoint.StopSending();
        wake.Set();
    }

    /// <summary>
    /// Forbids the loop to store its position, and to start further requests. The caller also cancels the token of <see cref="RunAsync"/>.
    /// Called by any thread; does no work.
    /// </summary>
    public void Close()
    {
        pass.Close();
        Drain();
    }

    /// <summary>Makes the next pass continue from the stored position. Called by any thread; does no work.</summary>
    public void ForgetProgress()
    {
        pass.ForgetProgress();
        Reload();
    }

    /// <summary>
    /// Runs passes until the service instance has no endpoint, the loop is drained, or the token is cancelled. Throws no exception.
    /// </summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var timer = time.CreateTimer(
            static signal => ((AsyncAutoResetEvent)signal!).Set(), wake, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        try
        {
            while (!_isDraining && await RunPassAsync(stop).ConfigureAwait(false) is { } delay)
            {
                if (delay == TimeSpan.Zero)
                    continue;
                timer.Change(delay, Timeout.InfiniteTimeSpan);
                await wake.WaitAsync(stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The server stops. Interrupted events are not recorded as delivered, so they are sent again after the next start.
        }
        finally
        {
            endpoint.Close();
        }
    }

    /// <summary>Runs one pass; returns the delay before the next, or null when the loop has ended.</summary>
    private async Task<TimeSpan?> RunPassAsync(CancellationToken stop)
    {
        try
        {
            var delay = await pass.RunAsync(stop).ConfigureAwait(false);
            _errors = 0;
            return delay ?? End();
        }
        catch (StorageException)
        {
            return backoff.After(++_errors);
        }
#pragma warning disable CA1031 // any exception that ended the loop would stop this endpoint's events until a restart
        catch (Exception exception) when (exception is not OperationCanceledException || !stop.IsCancellationRequested)
#pragma warning restore CA1031
        {
            status.ReportFault(exception);
            return backoff.After(++_errors);
        }
    }

    /// <summary>
    /// Ends the loop, unless it was woken meanwhile: a URL may have been set, so another pass must look. The infinite delay lets the wait
    /// consume the wake-up at once. With a delay of zero the wake-up would stay set, and a loop without a URL would neither end nor sleep.
    /// </summary>
    private TimeSpan? End() => tryRemove(this) ? null : Timeout.InfiniteTimeSpan;
}
