using Grpc.Core;

namespace GrpcPresence.Server.Streams;

/// <summary>
/// Reads a stream until another task completes. A read that is still pending when the handler returns stays in the pipe of the request's
/// body. Kestrel reuses that pipe for a later request of the connection, whose first read then fails with "Reading is already in progress".
/// </summary>
internal static class StreamReading
{
    /// <summary>
    /// Reads the next message, or returns null when <paramref name="end"/> completes first. No read is pending when this returns or throws.
    /// </summary>
    public static async Task<bool?> MoveNextUntilAsync<TMessage>(
        this IAsyncStreamReader<TMessage> messages, Task end, CancellationToken cancellationToken)
    {
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var next = messages.MoveNext(reading.Token);
        if (!next.IsCompleted)
            await Task.WhenAny(next, end);
        if (!end.IsCompleted)
            return await next;
        await reading.CancelAsync();
        await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return null;
    }
}
