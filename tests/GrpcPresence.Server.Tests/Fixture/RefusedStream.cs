using Grpc.Core;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>Writes to streams that the server may reject while the client writes.</summary>
internal static class RefusedStream
{
    /// <summary>Writes a message. If the server has already closed the stream, the next read reports why.</summary>
    public static async Task TryWriteAsync<T>(this IClientStreamWriter<T> stream, T message)
    {
        try
        {
            await stream.WriteAsync(message);
        }
        catch (RpcException)
        {
        }
    }
}
