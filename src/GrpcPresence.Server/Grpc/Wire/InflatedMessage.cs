using System.Buffers.Binary;
using System.IO.Hashing;
using Grpc.Core;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// Reads a compressed message, and throws gRPC's error unless it is one complete gzip member (RFC 1952). The decompressor ends without an
/// error where its input ends, and takes the first part of a message for the whole message. It also ignores what follows a member. So this
/// compares the last bytes of the message with the checksum and the length of what was read.
/// </summary>
internal sealed class InflatedMessage : SequentialStream
{
    private readonly TrailingBytes _compressed;
    private readonly Stream _inflated;
    private readonly Crc32 _checksum = new();
    private uint _length;

    /// <summary>Begins to read.</summary>
    /// <param name="compressed">The message.</param>
    /// <param name="inflate">Creates the decompressor of a message.</param>
    public InflatedMessage(Stream compressed, Func<Stream, Stream> inflate)
    {
        _compressed = new TrailingBytes(compressed, 2 * sizeof(uint));
        _inflated = inflate(_compressed);
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        int read;
        try
        {
            read = _inflated.Read(buffer);
        }
        catch (InvalidDataException)
        {
            throw Invalid();
        }
        _checksum.Append(buffer[..read]);
        _length += (uint)read;
        return read > 0 || buffer.IsEmpty || EndsWithTrailer() ? read : throw Invalid();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _inflated.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Whether the message ends with the checksum and the length of what was read.</summary>
    private bool EndsWithTrailer()
    {
        Span<byte> rest = stackalloc byte[64];
        while (_compressed.Read(rest) > 0)
        {
        }
        var trailer = _compressed.Last;
        return BinaryPrimitives.ReadUInt32LittleEndian(trailer) == _checksum.GetCurrentHashAsUInt32()
            && BinaryPrimitives.ReadUInt32LittleEndian(trailer[sizeof(uint)..]) == _length;
    }

    private static RpcException Invalid() =>
        new(new Status(StatusCode.Internal, "The message cannot be decoded. Its data does not match its compression."));
}
