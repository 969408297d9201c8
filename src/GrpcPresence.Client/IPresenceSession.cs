namespace GrpcPresence.Client;

/// <summary>A session that is kept alive by heartbeats. Disposing it ends it at the server.</summary>
public interface IPresenceSession : IAsyncDisposable
{
    /// <summary>The user's identity or SID, as it was given.</summary>
    string UserKey { get; }

    /// <summary>The id of the session.</summary>
    string SessionId { get; }

    /// <summary>
    /// Completes when the session has ended, and says why. It never fails. A user that is still there after
    /// <see cref="SessionEndReason.EndedByServer"/> gets another session.
    /// </summary>
    Task<SessionEnd> Ended { get; }
}
