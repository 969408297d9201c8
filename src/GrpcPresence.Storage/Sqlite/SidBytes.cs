using System.Buffers.Binary;

namespace GrpcPresence.Storage.Sqlite;

/// <summary>SIDs as they are stored: 16 bytes, most significant first, so that they sort as their text does.</summary>
internal static class SidBytes
{
    /// <summary>The bytes of the value.</summary>
    public static byte[] Of(UInt128 value)
    {
        var bytes = new byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        return bytes;
    }

    /// <summary>The value of the bytes.</summary>
    public static UInt128 Read(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt128BigEndian(bytes);
}
