using Grpc.Core;
using Microsoft.AspNetCore.Connections;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>Determines whether the client or the server ended an aborted stream.</summary>
internal static class StreamEnd
{
    /// <summary>
    /// Whether the server aborted the stream because the client did not answer a ping or violated the protocol. The client did not end the
    /// stream on purpose in that case: it may be asleep, or its network may drop all packets.
    /// </summary>
    public static async ValueTask<bool> IsByServerAsync(HttpContext request)
    {
        var body = RequestBody.Of(request);
        // A read that was cancelled by the token does not have the exception. Another read after the abort throws it.
        if (body.AbortedBy is null && request.RequestAborted.IsCancellationRequested)
            await ReadOnAsync(body);
        return body.AbortedBy is { } reason && IsByServer(reason);
    }

    /// <summary>
    /// Whether Kestrel's exception contains a reason for which the server closed the connection. When the client closed it, there is no
    /// reason, or the socket's own error, which is an <see cref="IOException"/>. A reset of the stream alone does not contain a connection
    /// error.
    /// </summary>
    internal static bool IsByServer(IOException reason) =>
        reason.InnerException is ConnectionAbortedException { InnerException: { } cause } && cause is not IOException;

    private static async ValueTask ReadOnAsync(RequestBody body)
    {
        try
        {
            await body.ReadAsync(CancellationToken.None);
        }
        catch (Exception exception) when (exception is RpcException or InvalidOperationException or OperationCanceledException)
        {
            // The body has stored the exception.
        }
    }
}
