using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Streams;

/// <summary>Ends a stream whose client does not read: flow control blocks what is being written, and no token reaches that.</summary>
internal static class StreamReset
{
    /// <summary>REFUSED_STREAM of RFC 9113: the client sees UNAVAILABLE.</summary>
    private const int RefusedStream = 7;

    /// <summary>
    /// Resets the stream; over HTTP/1.1, which has none, its connection. What was not sent is lost, the trailers among it.
    /// </summary>
    public static void Refuse(HttpContext context)
    {
        context.Features.Get<IHttpResetFeature>()?.Reset(RefusedStream);
        // Always: Grpc.AspNetCore.Web offers a reset over HTTP/1.1 too, which does nothing. A stream that was reset is not affected.
        context.Abort();
    }
}
