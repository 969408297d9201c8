using System.Buffers.Binary;
using System.IO.Compression;
using Google.Protobuf;

namespace GrpcPresence.Bench.Attacks;

/// <summary>Creates request bodies that cost their sender little.</summary>
internal static class HostileBodies
{
    private const int PrefixBytes = 5;
    private const int InflatedBytes = 1024 * 1024;

    /// <summary>1 MiB of unknown protobuf groups, in about 1.5 KB of gzip.</summary>
    public static byte[] UnknownGroups()
    {
        // Field 1000: the start of a group (wire type 3), and its end (4).
        ReadOnlySpan<byte> group = [0xC3, 0x3E, 0xC4, 0x3E];
        var message = new byte[InflatedBytes];
        for (var at = 0; at < message.Length; at += group.Length)
            group.CopyTo(message.AsSpan(at));
        return Compressed(message);
    }

    /// <summary>A heartbeat stream with one message of 524,000 empty beats, in about 1 KB of gzip.</summary>
    public static byte[] EmptyBeats(byte[] start)
    {
        const int Beats = 524_000;
        // Field 2, `beats`, with entries of field 1 without content.
        using var message = new MemoryStream();
        message.WriteByte(0x12);
        using (var output = new CodedOutputStream(message, leaveOpen: true))
            output.WriteLength(2 * Beats);
        for (var i = 0; i < Beats; i++)
            message.Write([0x0A, 0x00]);
        return [.. Plain(start), .. Compressed(message.ToArray())];
    }

    /// <summary>A message of 60 KiB, of which only the first half is sent.</summary>
    public static byte[] HalfOfMessage()
    {
        const int Length = 60 * 1024;
        return Prefixed(0, new byte[Length])[..(Length / 2)];
    }

    /// <summary>A whole message.</summary>
    public static byte[] Plain(byte[] message) => Prefixed(0, message);

    private static byte[] Compressed(byte[] message)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize, leaveOpen: true))
            gzip.Write(message);
        return Prefixed(1, compressed.ToArray());
    }

    private static byte[] Prefixed(byte compressionFlag, byte[] message)
    {
        var body = new byte[PrefixBytes + message.Length];
        body[0] = compressionFlag;
        BinaryPrimitives.WriteInt32BigEndian(body.AsSpan(1), message.Length);
        message.CopyTo(body.AsSpan(PrefixBytes));
        return body;
    }
}
