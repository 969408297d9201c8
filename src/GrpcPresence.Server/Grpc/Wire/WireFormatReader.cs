using System.Runtime.CompilerServices;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// Reads the wire format of protobuf without creating objects. Accepts no bytes that the library rejects at the same place, and rejects
/// some that it accepts while it discards unknown fields, such as a wire type that does not exist.
/// </summary>
internal static class WireFormatReader
{
    private const int MaxVarintBytes = 10;
    private const byte More = 0x80;

    /// <summary>Reads a number, and advances the position.</summary>
    /// <exception cref="InvalidDataException">The bytes are not the wire format.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Varint(ReadOnlySpan<byte> bytes, ref int at) =>
        (uint)at < (uint)bytes.Length && bytes[at] < More ? bytes[at++] : LongVarint(bytes, ref at);

    /// <summary>Reads a length and as many bytes, and advances the position.</summary>
    /// <exception cref="InvalidDataException">The bytes are not the wire format.</exception>
    public static ReadOnlySpan<byte> Delimited(ReadOnlySpan<byte> bytes, ref int at)
    {
        var length = (uint)Varint(bytes, ref at);
        var begin = at;
        Skip(bytes, ref at, length);
        return bytes[begin..at];
    }

    /// <summary>Advances the position by some bytes.</summary>
    /// <exception cref="InvalidDataException">The bytes are not the wire format.</exception>
    public static void Skip(ReadOnlySpan<byte> bytes, ref int at, uint count)
    {
        if (count > (uint)(bytes.Length - at))
            throw Malformed();
        at += (int)count;
    }

    /// <summary>Creates the exception for bytes that are not the wire format.</summary>
    public static InvalidDataException Malformed() => new("The message cannot be decoded.");

    private static ulong LongVarint(ReadOnlySpan<byte> bytes, ref int at)
    {
        ulong value = 0;
        for (var i = 0; i < MaxVarintBytes && at < bytes.Length; i++)
        {
            var octet = bytes[at++];
            value |= (ulong)(octet & (More - 1)) << (7 * i);
            if (octet < More)
                return value;
        }
        throw Malformed();
    }
}
