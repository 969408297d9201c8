namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>Counts the bytes of incomplete messages of one connection, and of all connections. Safe from any thread.</summary>
/// <param name="max">The maximum number of bytes.</param>
/// <param name="all">The count of all connections; null for that count itself.</param>
internal sealed class IncompleteMessages(long max, IncompleteMessages? all = null)
{
    private long _bytes;

    /// <summary>Adds bytes, unless the sum would exceed the maximum.</summary>
    public bool TryAdd(long bytes)
    {
        if (bytes == 0)
            return true;
        if (Interlocked.Add(ref _bytes, bytes) <= max && all?.TryAdd(bytes) != false)
            return true;
        Interlocked.Add(ref _bytes, -bytes);
        return false;
    }

    /// <summary>Removes bytes that were added.</summary>
    public void Remove(long bytes)
    {
        if (bytes == 0)
            return;
        Interlocked.Add(ref _bytes, -bytes);
        all?.Remove(bytes);
    }
}
