using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using Grpc.Core;
using GrpcPresence.Core.Domain;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// Reads a compressed message, and throws gRPC's error unless it is one complete gzip member (RFC 1952). The decompressor ends without an
/// error where its input ends, and takes the first part of a message for the whole message. It also ignores what follows a member. So this
/// compares the last bytes of the message with the checksum and the length of what was read.
/// </summary>
internal sealed class InflatedMessage : SequentialStream
{
    private const int PrefixBytes = 1 + sizeof(uint);

    private readonly TrailingBytes _compressed;
    private readonly GZipStream _inflated;
    private readonly Crc32 _checksum = new();
    private uint _length;

    private InflatedMessage(Stream compressed)
    {
        _compressed = new TrailingBytes(compressed, 2 * sizeof(uint));
        _inflated = new GZipStream(_compressed, CompressionMode.Decompress);
    }

    /// <summary>Returns the message with a prefix, as gRPC sends it without compression.</summary>
    /// <param name="message">The compressed message, without its prefix.</param>
    /// <param name="maxBytes">The maximum size after decompression.</param>
    /// <exception cref="RpcException">Internal: the message is not one complete gzip member. ResourceExhausted: it inflates to more bytes
    /// than the maximum, or than <see cref="Limits.InflationRatio"/> allows.</exception>
    public static ReadOnlyMemory<byte> Read(ReadOnlySequence<byte> message, int maxBytes)
    {
        var allowed = MaxBytes(message, maxBytes);
        using var inflated = new InflatedMessage(new SequenceStream(message));
        // One byte more than allowed tells a message that is too large from one that just fits.
        var buffer = new byte[PrefixBytes + (int)Math.Min(allowed + 1, 4 * message.Length)];
        var length = 0;
        while (true)
        {
            if (PrefixBytes + length == buffer.Length)
                Array.Resize(ref buffer, Math.Min(2 * buffer.Length, PrefixBytes + allowed + 1));
            var read = inflated.Read(buffer.AsSpan(PrefixBytes + length));
            if (read == 0)
                break;
            if ((length += read) > allowed)
                throw new RpcException(allowed == maxBytes ? RequestBody.TooLarge(maxBytes) : RatioTooHigh());
        }
        BinaryPrimitives.WriteInt32BigEndian(buffer.AsSpan(1), length);
        return buffer.AsMemory(0, PrefixBytes + length);
    }

    /// <summary>Returns the bytes to which the message may inflate.</summary>
    public static int MaxBytes(ReadOnlySequence<byte> message, int maxBytes) =>
        (int)Math.Min(maxBytes, Math.Max(Limits.InflatedBytesAtAnyRatio, message.Length * Limits.InflationRatio));

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

    private static Status RatioTooHigh() => new(
        StatusCode.ResourceExhausted,
        $"The message is too large. It may inflate to {Limits.InflationRatio} times its size. Send it without compression.");
}
