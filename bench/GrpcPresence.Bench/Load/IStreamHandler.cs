namespace GrpcPresence.Bench.Load;

/// <summary>What the load does with a stream.</summary>
internal interface IStreamHandler
{
    /// <summary>The response headers, or trailers alone, have come.</summary>
    void OnHeaders(Http2Stream stream)
    {
    }

    /// <summary>A message has come. Its bytes are good until this returns.</summary>
    void OnMessage(Http2Stream stream, ReadOnlySpan<byte> message);

    /// <summary>The server has ended the stream; where no message came before it, the call failed.</summary>
    void OnEnded(Http2Stream stream, ReadOnlySpan<byte> trailers);
}
