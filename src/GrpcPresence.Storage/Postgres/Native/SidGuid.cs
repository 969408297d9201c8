using System.Buffers.Binary;

namespace GrpcPresence.Storage.Postgres.Native;

/// <summary>SIDs as the type uuid: 16 bytes that sort like the text of the SID, without an array for each.</summary>
internal static class SidGuid
{
    /// <summary>Returns the stored form of the value.</summary>
    public static Guid Of(UInt128 value)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>Returns the value of the stored form.</summary>
    public static UInt128 Read(Guid stored)
    {
        Span<byte> bytes = stackalloc byte[16];
        stored.TryWriteBytes(bytes, bigEndian: true, out _);
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }
}
