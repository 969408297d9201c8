using System.Buffers.Binary;

namespace GrpcPresence.Server.Streams.Http2;

/// <summary>Finds the frames in one direction of a connection. It reads the headers and skips the payloads. Not safe for threads.</summary>
/// <param name="skip">The bytes before the first frame.</param>
internal sealed class FrameScanner(int skip)
{
    private readonly byte[] _partial = new byte[FrameHeader.Bytes]; // a header that began in an earlier buffer
    private int _partialBytes;

    /// <summary>The header that was found last.</summary>
    public FrameHeader Frame { get; private set; }

    /// <summary>The bytes of that frame's payload that were not skipped yet.</summary>
    public int PayloadLeft { get; private set; } = skip;

    /// <summary>Removes the rest of the last frame's payload from the beginning of the bytes, as far as they contain it.</summary>
    public void SkipPayload(ref ReadOnlySpan<byte> bytes)
    {
        var skipped = Math.Min(PayloadLeft, bytes.Length);
        PayloadLeft -= skipped;
        bytes = bytes[skipped..];
    }

    /// <summary>Removes everything up to the end of the next header. Returns false when the bytes end first.</summary>
    public bool ReadHeader(ref ReadOnlySpan<byte> bytes)
    {
        SkipPayload(ref bytes);
        if (_partialBytes == 0 && bytes.Length >= FrameHeader.Bytes)
        {
            Found(bytes);
            bytes = bytes[FrameHeader.Bytes..];
            return true;
        }
        var taken = Math.Min(FrameHeader.Bytes - _partialBytes, bytes.Length);
        bytes[..taken].CopyTo(_partial.AsSpan(_partialBytes));
        _partialBytes += taken;
        bytes = bytes[taken..];
        if (_partialBytes < FrameHeader.Bytes)
            return false;
        Found(_partial);
        _partialBytes = 0;
        return true;
    }

    private void Found(ReadOnlySpan<byte> header)
    {
        const int LengthBits = 24;
        const int IntBits = 32;
        var length = (int)(BinaryPrimitives.ReadUInt32BigEndian(header) >> (IntBits - LengthBits));
        var stream = BinaryPrimitives.ReadInt32BigEndian(header[5..]) & int.MaxValue;
        Frame = new FrameHeader(length, (FrameType)header[3], header[4], stream);
        PayloadLeft = length;
    }
}
