using Microsoft.AspNetCore.Connections;

namespace GrpcPresence.Server.Hosting;

/// <summary>Tells who ended a stream that was aborted.</summary>
internal static class StreamEnd
{
    /// <summary>
    /// Whether the server gave the client up: it did not answer a ping, or broke the protocol. That is no goodbye: the client may be asleep, or behind a
    /// network that swallows everything.
    /// </summary>
    /// <param name="thrown">What reading threw.</param>
    /// <param name="request">The request.</param>
    public static async ValueTask<bool> IsByServerAsync(Exception thrown, HttpContext request)
    {
        // A read that saw the token first does not know the reason; after an abort another one does.
        if (thrown is not IOException && request.RequestAborted.IsCancellationRequested)
            thrown = await ReadReasonAsync(request) ?? thrown;
        return IsByServer(thrown);
    }

    /// <summary>
    /// Kestrel tells why it faulted a connection. Where the client closed it, there is either nothing to tell or the socket's own error, which is
    /// an <see cref="IOException"/>; a reset of the stream alone has no connection in it.
    /// </summary>
    internal static bool IsByServer(Exception reason) =>
        reason is IOException { InnerException: ConnectionAbortedException { InnerException: { } cause } } && cause is not IOException;

    private static async ValueTask<Exception?> ReadReasonAsync(HttpContext request)
    {
        try
        {
            await request.Request.BodyReader.ReadAsync(CancellationToken.None);
            return null;
        }
        catch (Exception reason) when (reason is IOException or InvalidOperationException or OperationCanceledException)
        {
            return reason;
        }
    }
}
