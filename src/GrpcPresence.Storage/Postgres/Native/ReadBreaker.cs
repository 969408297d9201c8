using GrpcPresence.Core.Domain.Errors;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Native;

/// <summary>
/// The circuit breaker of reads. It opens when the server does not answer a read in time. Then one read at a time tries, and the others
/// fail at once instead of waiting for seconds in turn. It closes with the first answer, including an error. Safe from any thread.
/// </summary>
internal sealed class ReadBreaker
{
    private const int Closed = 0;
    private const int Open = 1;
    private const int HalfOpen = 2; // a read tries

    private int _state;

    /// <summary>Begins a read. Returns whether it is the one that tries.</summary>
    /// <exception cref="StorageException">The server does not answer, and another read tries already.</exception>
    public bool Begin()
    {
        if (Volatile.Read(ref _state) == Closed)
            return false;
        return Interlocked.CompareExchange(ref _state, HalfOpen, Open) switch
        {
            Closed => false,
            Open => true,
            _ => throw new StorageException("PostgreSQL does not answer."),
        };
    }

    /// <summary>Notes how a read ended. Returns whether that opens the breaker.</summary>
    /// <param name="isTrial">Whether it was the one that tried.</param>
    /// <param name="fault">The exception; null if the read was answered.</param>
    public bool End(bool isTrial, Exception? fault)
    {
        if (fault is TimeoutException or NpgsqlException { InnerException: TimeoutException })
            return Interlocked.CompareExchange(ref _state, Open, isTrial ? HalfOpen : Closed) == (isTrial ? HalfOpen : Closed);
        if (fault is OperationCanceledException)
        {
            if (isTrial)
                Interlocked.CompareExchange(ref _state, Open, HalfOpen);
        }
        else if (Volatile.Read(ref _state) != Closed)
        {
            Volatile.Write(ref _state, Closed);
        }
        return false;
    }
}
