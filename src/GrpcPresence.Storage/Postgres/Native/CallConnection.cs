using System.Data;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Native;

/// <summary>
/// Makes the calls of one kind on a connection of their own, so that they wait for no other kind. Opens a further connection while a call
/// that was given up still has the first one. Safe from any thread.
/// </summary>
internal sealed class CallConnection(Func<CancellationToken, Task<NpgsqlConnection>> open, TimeProvider time) : IDisposable
{
    private NpgsqlConnection? _idle;
    private volatile bool _isDisposed;

    /// <summary>
    /// Calls, and waits for the answer for a limited time. The token ends the waiting at once, and not the call: to cancel a statement, the
    /// driver blocks a thread. A call that was given up keeps its connection until it is answered.
    /// </summary>
    public async Task<T> RunAsync<T>(Func<NpgsqlConnection, Task<T>> call, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var running = RunToEndAsync(call);
        try
        {
            return await running.WaitAsync(PostgresConnections.AnswerLimit, time, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (!running.IsCompleted)
            {
                _ = running.ContinueWith(
                    static late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            }
        }
    }

    /// <summary>Closes the connection that no call uses. Later calls open another one.</summary>
    public void Renew() => Interlocked.Exchange(ref _idle, null)?.Dispose();

    /// <inheritdoc/>
    public void Dispose()
    {
        _isDisposed = true;
        Renew();
    }

    private async Task<T> RunToEndAsync<T>(Func<NpgsqlConnection, Task<T>> call)
    {
        var connection = Interlocked.Exchange(ref _idle, null) ?? await open(CancellationToken.None).ConfigureAwait(false);
        try
        {
            return await call(connection).ConfigureAwait(false);
        }
        finally
        {
            if (connection.FullState != ConnectionState.Open || Interlocked.CompareExchange(ref _idle, connection, null) is not null)
                await connection.DisposeAsync().ConfigureAwait(false);
            if (_isDisposed)
                Renew();
        }
    }
}
