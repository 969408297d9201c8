namespace GrpcPresence.Client.Connections;

/// <summary>Why this client left a stream.</summary>
internal enum DepartureReason
{
    /// <summary>It did not.</summary>
    None,

    /// <summary>The server sent nothing for too long.</summary>
    Silence,

    /// <summary>The access token was renewed.</summary>
    RenewedToken,
}

/// <summary>
/// Lets this client leave a stream. Timers can ask for it at one moment, and before the stream has ended: the first reason counts.
/// </summary>
/// <param name="stream">Cancels the call.</param>
internal sealed class Departure(CancellationTokenSource stream)
{
    private DepartureReason _reason;

    /// <summary>The first reason.</summary>
    public DepartureReason Reason => _reason;

    /// <summary>Leaves the stream.</summary>
    public void Leave(DepartureReason reason)
    {
        Interlocked.CompareExchange(ref _reason, reason, DepartureReason.None);
        stream.TryCancel();
    }
}
