namespace GrpcPresence.Server.Security.Tls;

/// <summary>Checks the TLS files regularly, so that a renewed certificate is used without a restart.</summary>
internal sealed class TlsReload(TlsFiles files, TimeProvider time) : IHostedService, IDisposable
{
    /// <summary>
    /// The interval of checks: short compared with the remaining validity when a certificate is renewed, and long compared with reading
    /// three files.
    /// </summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private ITimer? _timer;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        // The timer does not repeat by itself: checks on a disk that hangs must not accumulate or overlap.
        _timer = time.CreateTimer(_ => CheckForChanges(), state: null, Interval, Timeout.InfiniteTimeSpan);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public void Dispose() => _timer?.Dispose();

    private void CheckForChanges()
    {
        files.CheckForChanges();
        _timer?.Change(Interval, Timeout.InfiniteTimeSpan);
    }
}
