namespace GrpcPresence.Server.Streams.Http2;

/// <summary>The types of frames that the flood limit distinguishes (RFC 9113, section 6).</summary>
internal enum FrameType : byte
{
    /// <summary>A part of a body.</summary>
    Data = 0,

    /// <summary>The headers of a request or response, or its trailers.</summary>
    Headers = 1,

    /// <summary>Ends a stream early.</summary>
    Reset = 3,

    /// <summary>Announces the end of the connection, with an error code.</summary>
    GoAway = 7,
}
