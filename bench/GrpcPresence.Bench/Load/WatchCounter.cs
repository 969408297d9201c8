namespace GrpcPresence.Bench.Load;

/// <summary>Counts the messages of watches.</summary>
internal sealed class WatchCounter : IStreamHandler
{
    /// <summary>The number of updates.</summary>
    public long Updates { get; private set; }

    /// <summary>The number of synced messages.</summary>
    public int Synced { get; private set; }

    /// <summary>The last resume token; empty before the first.</summary>
    public string ResumeToken { get; private set; } = "";

    /// <inheritdoc/>
    public void OnMessage(Http2Stream stream, ReadOnlySpan<byte> message)
    {
        var fields = new ProtoFields(message);
        while (fields.Next())
        {
            if (fields.Number == V1.WatchUsersResponse.SyncedFieldNumber)
                Synced++;
            else if (fields.Number == V1.WatchUsersResponse.ResumeTokenFieldNumber)
                ResumeToken = System.Text.Encoding.ASCII.GetString(fields.Value);
            else if (fields.Number == V1.WatchUsersResponse.UpdatesFieldNumber)
                Updates += CountOf(fields.Value);
        }
    }

    /// <inheritdoc/>
    public void OnEnded(Http2Stream stream, ReadOnlySpan<byte> trailers) =>
        throw new IOException($"A watch ended: {Http2Stream.Describe(trailers)}");

    private static int CountOf(ReadOnlySpan<byte> updates)
    {
        var count = 0;
        var fields = new ProtoFields(updates);
        while (fields.Next())
            count++;
        return count;
    }
}
