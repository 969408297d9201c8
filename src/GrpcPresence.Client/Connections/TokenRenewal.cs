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
    private readonly ITimer? _timer;

    /// <param name="authorization">The credentials of the stream.</param>
    /// <param name="time">The clock.</param>
    /// <param name="onRenewed">Ends the stream.</param>
    public TokenRenewal(CallAuthorization authorization, TimeProvider time, Action onRenewed)
    {
        (_authorization, _onRenewed) = (authorization, onRenewed);
        if (authorization.IsRenewable && authorization.RenewIn is { } delay)
            _timer = time.CreateTimer(static self => _ = ((TokenRenewal)self!).RenewAsync(), this, delay, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Whether the stream ends because its token was renewed.</summary>
    public bool HasNewToken { get; private set; }

    public void Dispose()
    {
        _timer?.Dispose();
        _stop.Cancel();
        _stop.Dispose();
    }

    private async Task RenewAsync()
    {
        try
        {
            if (await _authorization.TryRenewAsync(_stop.Token).ConfigureAwait(false))
            {
                HasNewToken = true;
                _onRenewed();
            }
            else if (_authorization.RenewIn is { } delay)
            {
                _timer?.Change(delay, Timeout.InfiniteTimeSpan);
            }
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
