namespace GrpcPresence.Storage.Formats;

/// <summary>The ids of timelines.</summary>
internal static class TimelineId
{
    /// <summary>Returns the stored bytes.</summary>
    public static byte[] ToBytes(Guid timeline) => timeline.ToByteArray(bigEndian: true);
}
