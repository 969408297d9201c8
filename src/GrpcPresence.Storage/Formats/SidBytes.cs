using System.Buffers.Binary;

namespace GrpcPresence.Storage.Formats;

/// <summary>The stored form of SIDs: 16 bytes, most significant first, so that they sort like their text.</summary>
internal static class SidBytes
{
    /// <summary>Returns the bytes of the value.</summary>
    public static byte[] Of(UInt128 value)
    {
        var bytes = new byte[16];
        Write(bytes, value);
        return bytes;
    }

    /// <summary>Writes the bytes of the value.</summary>
    public static void Write(Span<byte> bytes, UInt128 value) => BinaryPrimitives.WriteUInt128BigEndian(bytes, value);

    /// <summary>Returns the value of the bytes.</summary>
    public static UInt128 Read(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt128BigEndian(bytes);
}
