namespace GrpcPresence.Client;

/// <summary>Why a session has ended.</summary>
/// <param name="Reason">What ended it.</param>
/// <param name="Error">The error of the server; null after <see cref="SessionEndReason.Disposed"/>.</param>
public sealed record SessionEnd(SessionEndReason Reason, PresenceException? Error = null);

/// <summary>What ended a session.</summary>
public enum SessionEndReason
{
    /// <summary>The session or its client was disposed.</summary>
    Disposed = 0,

    /// <summary>
    /// Another caller ended the session, or deleted the user (<c>SESSION_ENDED</c>). Its id cannot be used again.
    /// </summary>
    EndedByServer = 1,

    /// <summary>The server rejects its heartbeats, and a retry would not help: see the error.</summary>
    Rejected = 2,
}
