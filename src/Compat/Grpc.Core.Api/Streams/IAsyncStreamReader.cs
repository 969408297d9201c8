namespace Grpc.Core;

/// <summary>The incoming messages of a call, for one reader.</summary>
/// <typeparam name="T">The message type.</typeparam>
public interface IAsyncStreamReader<out T>
{
    /// <summary>The message that the last successful <see cref="MoveNext"/> came to; null before.</summary>
    T Current { get; }

    /// <summary>Waits for the next message. One call at a time.</summary>
    /// <param name="cancellationToken">Ends the wait; on a client, the call too.</param>
    /// <returns>False when the other side has finished its stream.</returns>
    Task<bool> MoveNext(CancellationToken cancellationToken);
}
