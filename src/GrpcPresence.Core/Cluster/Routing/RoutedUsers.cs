using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Cluster.Routing;

/// <summary>
/// Brings the heartbeats and ends of sessions of users that a caller named by their keys to the owners of the users. Safe from any thread.
/// </summary>
/// <remarks>
/// This node may remember a SID whose user is gone. The owner knows better: when it does not find the user, this node forgets the SID,
/// reads once, and asks the owner again if the store has the user.
/// </remarks>
/// <param name="users">Resolves the keys.</param>
/// <param name="router">Finds the owners.</param>
public sealed class RoutedUsers(UserResolver users, UserRouter router)
{
    /// <summary>Handles a heartbeat of a user that was resolved, as <see cref="UserRouter.Beat"/> does.</summary>
    public HeartbeatResult Beat(CachedService service, in UserRef user, SessionId session, RoutedStream? stream)
    {
        var result = router.Beat(service, user, session, stream);
        var isAnswered = result.Rejection is { } reason ? reason != ErrorReason.UserNotFound : result.Stored.IsCompletedSuccessfully;
        if (user.Sid is not { } sid || isAnswered)
            return result;
        return BeatAgain(service, sid, result.ToTask(service.Sid, user), session, stream);
    }

    /// <summary>Ends a session of a user that was resolved, as <see cref="UserRouter.EndSession"/> does.</summary>
    public Task EndSession(CachedService service, in UserRef user, SessionId session)
    {
        var ended = router.EndSession(service, user, session);
        return user.Sid is { } sid
            ? AskAgainAsync(service, sid, ended, read => router.EndSession(service, read, session))
            : ended;
    }

    // Not in Beat: what the function captures would be allocated for each heartbeat.
    private HeartbeatResult BeatAgain(CachedService service, UserSid sid, Task first, SessionId session, RoutedStream? stream) =>
        new(Rejection: null, AskAgainAsync(
            service, sid, first, read => router.Beat(service, read, session, stream).ToTask(service.Sid, read)));

    private async Task AskAgainAsync(CachedService service, UserSid sid, Task first, Func<UserRef, Task> ask)
    {
        try
        {
            await first.ConfigureAwait(false);
            return;
        }
        catch (PresenceException error) when (error.Reason == ErrorReason.UserNotFound && users.Forget(service, sid))
        {
            // What was remembered may be outdated. Only a read can tell.
        }
        var read = await users.ResolveAsync(service, new UserKey(sid), CancellationToken.None).ConfigureAwait(false);
        await ask(read).ConfigureAwait(false);
    }
}
