using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Streams;

/// <summary>
/// Ends a stream whose client does not read. Flow control blocks the pending write, and no cancellation token can interrupt it.
/// </summary>
internal static class StreamReset
{
    /// <summary>REFUSED_STREAM of RFC 9113: the client sees UNAVAILABLE.</summary>
    private const int RefusedStream = 7;

    /// <summary>
    /// Resets the stream. HTTP/1.1 has no streams, so its connection is closed. Unsent data, including the trailers, is lost.
    /// </summary>
    public static void Reset(HttpContext context)
    {
        context.Features.Get<IHttpResetFeature>()?.Reset(RefusedStream);
        // Abort in every case, because over HTTP/1.1 Grpc.AspNetCore.Web offers a reset that does nothing. Abort does not affect a stream
        // that was reset.
        context.Abort();
    }
}
