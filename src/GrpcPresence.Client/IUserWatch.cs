namespace GrpcPresence.Client;

/// <summary>
/// The state of the watched users, kept up to date by the server. Reading it takes no lock and waits for nothing. Safe from any thread.
/// <list type="bullet">
/// <item>The state is never half a snapshot. While the connection is broken, it is the last one that was known.</item>
/// <item>Each change is raised once, after it is part of the state, and in order for each user.</item>
/// <item>After an interruption, what is raised is what differs from the state before it. That includes users that are gone.</item>
/// </list>
/// </summary>
public interface IUserWatch : IAsyncDisposable
{
    /// <summary>
    /// The user with this identity, in the present state. An identity that the watch does not know gives a user that does not exist
    /// (<see cref="PresenceUser.Exists"/>), whose reachability is null.
    /// </summary>
    PresenceUser this[string identity] { get; }

    /// <summary>All users by identity, as they are together at one moment. The dictionary does not change.</summary>
    IReadOnlyDictionary<string, PresenceUser> Users { get; }

    /// <summary>
    /// Whether the service instance records reachability. While it does not, the reachability of all users is null. Sessions may live
    /// meanwhile: once it is switched on, their users are shown online.
    /// </summary>
    bool IsReachabilityEnabled { get; }

    /// <summary>Whether the state is up to date.</summary>
    WatchState State { get; }

    /// <summary>
    /// Completes when the watch is disposed. Fails with a <see cref="PresenceException"/> when the server rejects the watch and a retry
    /// would not help, such as after its service instance was deleted.
    /// </summary>
    Task Completion { get; }

    /// <summary>
    /// A user changed. Attach handlers before reading the state, to miss nothing in between. They run one after another, outside any lock,
    /// and the watch reads nothing meanwhile: a handler that takes long belongs behind <see cref="ReadUpdatesAsync"/>. An exception of a
    /// handler is logged.
    /// </summary>
    event EventHandler<UserUpdate>? Updated;

    /// <summary><see cref="State"/> changed.</summary>
    event EventHandler? StateChanged;

    /// <summary>
    /// Returns the changes from this call on, in order. Changes of one user that were not read yet become one, with all reasons. So a
    /// slow reader holds at most one update for each user, and always gets to the newest state. Read the state after this call, not
    /// before it, to miss nothing in between. The result is to be enumerated once, and keeps changes from this call on until it is.
    /// </summary>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <exception cref="InvalidOperationException">When it is enumerated again.</exception>
    /// <exception cref="PresenceException">While reading: the watch ended with an error.</exception>
    IAsyncEnumerable<UserUpdate> ReadUpdatesAsync(CancellationToken cancellationToken = default);
}
