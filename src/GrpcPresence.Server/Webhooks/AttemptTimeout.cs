using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// The time limits of one attempt that a URL overrides. The limit of the answer starts when the attempt has a connection: at once on a
/// connection that is kept alive, else when the new one is made. Used by the request and by the callback that connects for it.
/// </summary>
internal sealed class AttemptTimeout : IDisposable
{
    /// <summary>The request option through which the connecting callback finds the limits of the request.</summary>
    public static readonly HttpRequestOptionsKey<AttemptTimeout> Key = new(nameof(AttemptTimeout));

    private readonly ConnectionOverrides _overrides;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _read;
    private readonly CancellationTokenSource _either;

    public AttemptTimeout(ConnectionOverrides overrides, TimeProvider time, CancellationToken cancellationToken)
    {
        (_overrides, _time) = (overrides, time);
        _read = new CancellationTokenSource(overrides.ReadTimeout ?? Timeout.InfiniteTimeSpan, time);
        _either = CancellationTokenSource.CreateLinkedTokenSource(_read.Token, cancellationToken);
    }

    /// <summary>Cancelled with the token given to the attempt, or when the answer takes too long.</summary>
    public CancellationToken Token => _either.Token;

    /// <summary>Connects within the time limit of a connection.</summary>
    /// <exception cref="TimeoutException">The connection took too long.</exception>
    public async Task<Stream> ConnectAsync(Func<CancellationToken, Task<Stream>> connect, CancellationToken cancellationToken)
    {
        TryRestart(Timeout.InfiniteTimeSpan);
        using var limit = new CancellationTokenSource(_overrides.ConnectTimeout ?? Timeout.InfiniteTimeSpan, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await connect(either.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException("The connection took longer than the URL of the webhook allows.");
        }
        finally
        {
            TryRestart(_overrides.ReadTimeout ?? Timeout.InfiniteTimeSpan);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _either.Dispose();
        _read.Dispose();
    }

    private void TryRestart(TimeSpan limit)
    {
        try
        {
            _read.CancelAfter(limit);
        }
        catch (ObjectDisposedException)
        {
            // The request got another connection and has ended. This one stays in the pool.
        }
    }
}
