using Grpc.Core;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>Streams that are refused while their client writes.</summary>
internal static class RefusedStream
{
    /// <summary>Writes; who is refused may find the stream closed already, and why is for the next read to say.</summary>
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
