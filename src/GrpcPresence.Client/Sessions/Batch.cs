using GrpcPresence.V1;

namespace GrpcPresence.Client.Sessions;

/// <summary>The entries of one message of a heartbeat stream.</summary>
/// <param name="Kind">What the message does.</param>
/// <param name="Sessions">The sessions, in the order of the entries.</param>
/// <param name="Slot">The slot of the schedule that the sessions come from; -1 if they come from elsewhere.</param>
internal sealed record Batch(BatchKind Kind, ArraySegment<PresenceSession> Sessions, int Slot = -1)
{
    // StreamHeartbeats accepts 1,000 entries and 1 MiB a message. An entry has some bytes of framing of its own.
    public const int MaxEntries = 1000;
    private const int MaxBytes = 1_000_000;
    private const int FramingBytes = 4;

    /// <summary>Returns how many of the sessions fit into one message.</summary>
    public static int Fitting(ReadOnlySpan<PresenceSession> sessions)
    {
        var bytes = 0;
        var limit = Math.Min(sessions.Length, MaxEntries);
        for (var count = 0; count < limit; count++)
        {
            bytes += sessions[count].Size + FramingBytes;
            if (bytes > MaxBytes)
                return count;
        }
        return limit;
    }

    /// <summary>Returns the message.</summary>
    public StreamHeartbeatsRequest ToMessage()
    {
        var entries = Sessions.Select(session => session.Beat);
        if (Kind == BatchKind.Ends)
        {
            var ends = new HeartbeatStreamEnds();
            ends.Ends.AddRange(entries);
            return new StreamHeartbeatsRequest { Ends = ends };
        }
        var beats = new HeartbeatStreamBeats();
        beats.Beats.AddRange(entries);
        return new StreamHeartbeatsRequest { Beats = beats };
    }
}

/// <summary>What a message of a heartbeat stream does.</summary>
internal enum BatchKind
{
    /// <summary>Renews leases, or starts sessions.</summary>
    Beats,

    /// <summary>Ends sessions.</summary>
    Ends,
}
