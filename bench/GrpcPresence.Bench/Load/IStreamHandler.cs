namespace GrpcPresence.Bench.Load;

/// <summary>Handles the events of a stream.</summary>
internal interface IStreamHandler
{
    /// <summary>Handles the response headers, or trailers without headers.</summary>
    void OnHeaders(Http2Stream stream)
    {
    }

    /// <summary>Handles a message. Its bytes are valid until this returns.</summary>
    void OnMessage(Http2Stream stream, ReadOnlySpan<byte> message);

    /// <summary>Handles the end of the stream. If no message came before it, the call failed.</summary>
    void OnEnded(Http2Stream stream, ReadOnlySpan<byte> trailers);
}
