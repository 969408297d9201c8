namespace GrpcPresence.Client.Connections;

/// <summary>
/// Asks for the next access token before the one of an open stream expires. The server ends a stream with its token, so the stream is
/// replaced by one with the new token. Without access tokens it does nothing.
/// </summary>
internal sealed class TokenRenewal : IDisposable
{
    private readonly CallAuthorization _authorization;
    private readonly Action _onRenewed;
    private readonly CancellationTokenSource _stop = new();
    private readonly QueuedTimer _timer;

    /// <param name="authorization">The credentials of the stream.</param>
    /// <param name="timers">The timers of the client.</param>
    /// <param name="onRenewed">Ends the stream.</param>
    public TokenRenewal(CallAuthorization authorization, TimerQueue timers, Action onRenewed)
    {
        (_authorization, _onRenewed) = (authorization, onRenewed);
        _timer = timers.Create(() => _ = RenewAsync());
        SetTimer();
    }

    public void Dispose()
    {
        _timer.Dispose();
        _stop.CancelAndDispose();
    }

    private void SetTimer()
    {
        if (_authorization is { IsRenewable: true, RenewIn: { } delay })
            _timer.Set(delay);
    }

    private async Task RenewAsync()
    {
        try
        {
            if (await _authorization.TryRenewAsync(_stop.Token).ConfigureAwait(false))
                _onRenewed();
            else
                SetTimer();
        }
        catch (Exception ended) when (ended is OperationCanceledException or ObjectDisposedException)
        {
            // The stream has ended meanwhile.
        }
        catch (CredentialsException)
        {
            // The server ends the stream at the end of its token. Then the next attempt follows.
        }
    }
}
