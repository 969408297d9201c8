namespace GrpcPresence.Server.Streams.Http2;

/// <summary>The header of a frame (RFC 9113, section 4.1).</summary>
/// <param name="Length">The bytes of the payload.</param>
/// <param name="Type">The type. Types that the protocol does not define are valid.</param>
/// <param name="Flags">The flags, whose meaning depends on the type.</param>
/// <param name="Stream">The stream; 0 for the connection.</param>
internal readonly record struct FrameHeader(int Length, FrameType Type, byte Flags, int Stream)
{
    /// <summary>The bytes of every header.</summary>
    public const int Bytes = 9;

    private const byte EndStreamFlag = 1;

    /// <summary>Whether a frame of DATA or HEADERS is the last one of its stream.</summary>
    public bool EndsStream => (Flags & EndStreamFlag) != 0;
}
