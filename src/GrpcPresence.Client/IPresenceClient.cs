namespace GrpcPresence.Client;

/// <summary>
/// Keeps sessions of users alive in one service instance, and watches its users. Safe from any thread. One client serves a whole process:
/// its sessions share a connection for heartbeats, and its watches share another one.
/// </summary>
public interface IPresenceClient : IAsyncDisposable
{
    /// <summary>
    /// Starts a session: one process or connection of a user, who is online while at least one session lives. The client sends heartbeats
    /// at the pace that the server sets, until the session is disposed. A broken connection does not end it.
    /// </summary>
    /// <param name="userKey">
    /// The user's identity, of at most 256 characters, or SID. An unknown identity creates the user, unless the configuration forbids it.
    /// </param>
    /// <param name="sessionId">
    /// The id: 1 to 64 of the characters A-Z, a-z, 0-9, "_" and "-". By default a random one. Two processes with one id are one session,
    /// and the first process that disposes of it ends it for both. An id that was ended cannot be used again.
    /// </param>
    /// <param name="cancellationToken">
    /// Gives up. Without it the call waits as long as the server is away, or rejects the session for a reason that passes, such as a quota.
    /// </param>
    /// <returns>The session, once the server has accepted its first heartbeat.</returns>
    /// <exception cref="ArgumentException">The key or the id is empty, or longer than any server accepts.</exception>
    /// <exception cref="PresenceException">The server rejected the session, and a retry would not help.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    Task<IPresenceSession> StartSessionAsync(string userKey, string? sessionId = null, CancellationToken cancellationToken = default);

    /// <summary>Starts a session with a random id.</summary>
    /// <inheritdoc cref="StartSessionAsync(string, string?, CancellationToken)"/>
    Task<IPresenceSession> StartSessionAsync(string userKey, CancellationToken cancellationToken) =>
        StartSessionAsync(userKey, sessionId: null, cancellationToken);

    /// <summary>Watches users. The watch keeps their state, and resumes by itself after every interruption until it is disposed.</summary>
    /// <param name="options">What to watch, such as <see cref="WatchOptions.Everybody"/>.</param>
    /// <param name="cancellationToken">Gives up. Without it the call waits as long as the server is away.</param>
    /// <returns>The watch, once it has the state of every watched user.</returns>
    /// <exception cref="ArgumentException">User keys or reasons are null, empty, too long or too many. The message names each.</exception>
    /// <exception cref="PresenceException">The server rejected the watch, and a retry would not help.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    Task<IUserWatch> WatchAsync(WatchOptions options, CancellationToken cancellationToken = default);
}
