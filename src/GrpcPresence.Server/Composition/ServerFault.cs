namespace GrpcPresence.Server.Composition;

/// <summary>
/// Whether the server stops because it cannot go on. systemd does not restart a service that exits with 0, so it needs another exit code.
/// Safe from any thread.
/// </summary>
internal sealed class ServerFault
{
    private volatile bool _hasOccurred;

    /// <summary>Whether the server cannot go on.</summary>
    public bool HasOccurred => _hasOccurred;

    /// <summary>Notes that the server cannot go on.</summary>
    public void Note() => _hasOccurred = true;
}
