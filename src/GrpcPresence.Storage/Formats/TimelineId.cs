using System.Buffers.Binary;

namespace GrpcPresence.Storage.Formats;

/// <summary>The ids of timelines.</summary>
internal static class TimelineId
{
    /// <summary>
    /// Combines the store's timeline with the key of a service instance, by exclusive or into the low eight bytes. A second call returns
    /// the store's timeline.
    /// </summary>
    public static Guid Combine(Guid timeline, long serviceId)
    {
        Span<byte> bytes = stackalloc byte[16];
        timeline.TryWriteBytes(bytes, bigEndian: true, out _);
        var low = bytes[8..];
        BinaryPrimitives.WriteInt64BigEndian(low, BinaryPrimitives.ReadInt64BigEndian(low) ^ serviceId);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>Returns the stored bytes.</summary>
    public static byte[] ToBytes(Guid timeline) => timeline.ToByteArray(bigEndian: true);
}
