namespace Grpc.Core;

/// <summary>The outgoing messages of a call, for one writer.</summary>
/// <typeparam name="T">The message type.</typeparam>
public interface IAsyncStreamWriter<in T>
{
    /// <summary>How the messages written from now on are to be written; null for the call's own options.</summary>
    WriteOptions? WriteOptions { get; set; }

    /// <summary>Writes a message. One call at a time.</summary>
    /// <param name="message">The message, not null.</param>
    Task WriteAsync(T message);

    /// <summary>
    /// Writes a message. One call at a time. A writer that knows no cancellation fails with <see cref="NotSupportedException"/> when
    /// the token can be cancelled.
    /// </summary>
    /// <param name="message">The message, not null.</param>
    /// <param name="cancellationToken">Ends the write, and the whole call with it.</param>
    Task WriteAsync(T message, CancellationToken cancellationToken) => cancellationToken.CanBeCanceled
        ? Task.FromException(new NotSupportedException("This stream writer cannot cancel a write."))
        : WriteAsync(message);
}
