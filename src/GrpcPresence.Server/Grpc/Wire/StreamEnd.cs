using Grpc.Core;
using Microsoft.AspNetCore.Connections;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>Tells who ended a stream that was aborted.</summary>
internal static class StreamEnd
{
    /// <summary>
    /// Whether the server gave the client up: it did not answer a ping, or broke the protocol. That is no goodbye: the client may be
    /// asleep, or behind a
    /// network that swallows everything.
    /// </summary>
    public static async ValueTask<bool> IsByServerAsync(HttpContext request)
    {
        var body = RequestBody.Of(request);
        // A read that saw the token first does not know the reason; after an abort another one does.
        if (body.BrokenOffBy is null && request.RequestAborted.IsCancellationRequested)
            await ReadOnAsync(body);
        return body.BrokenOffBy is { } reason && IsByServer(reason);
    }

    /// <summary>
    /// Kestrel tells why it faulted a connection. Where the client closed it, there is either nothing to tell or the socket's own error,
    /// which is
    /// an <see cref="IOException"/>; a reset of the stream alone has no connection in it.
    /// </summary>
    internal static bool IsByServer(IOException reason) =>
        reason.InnerException is ConnectionAbortedException { InnerException: { } cause } && cause is not IOException;

    private static async ValueTask ReadOnAsync(RequestBody body)
    {
        try
        {
            await body.ReadAsync(CancellationToken.None);
        }
        catch (Exception met) when (met is RpcException or InvalidOperationException or OperationCanceledException)
        {
            // The body remembers why it broke off.
        }
    }
}
