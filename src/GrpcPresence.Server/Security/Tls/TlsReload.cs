namespace GrpcPresence.Server.Security.Tls;

/// <summary>Looks at the files of TLS from time to time, so that a renewed certificate is used without a restart.</summary>
internal sealed class TlsReload(TlsFiles files, TimeProvider time) : IHostedService, IDisposable
{
    /// <summary>The time between two looks: short beside the time that is left of a certificate when it is renewed, and long beside reading three files.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private ITimer? _timer;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        // It does not repeat by itself: a disk that hangs must not collect looks, and they are not for two threads.
        _timer = time.CreateTimer(_ => Look(), state: null, Interval, Timeout.InfiniteTimeSpan);
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

    private void Look()
    {
        files.Look();
        _timer?.Change(Interval, Timeout.InfiniteTimeSpan);
    }
}
