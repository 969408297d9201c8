using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Cluster.Routing;

/// <summary>
/// Brings the heartbeats and ends of sessions of users that a caller named by their keys to the owners of the users. Safe from any thread.
/// </summary>
/// <remarks>
/// The owner decides. What this node remembers only finds the owner, and may be outdated. So when the owner rejects a call, this node reads
/// once, and asks again if the store says otherwise:
/// <list type="bullet">
/// <item>UserNotFound: this node remembers a SID whose user is gone. For the end of a session, the owner may also not track a user that
/// exists and is offline.</item>
/// <item>ServiceInstanceNotFound: the SID has passed to a later service instance, and this node has not heard of it yet.</item>
/// </list>
/// </remarks>
/// <param name="users">Resolves the keys.</param>
/// <param name="services">The cache of service instances.</param>
/// <param name="router">Finds the owners.</param>
/// <param name="clock">The clock of this node.</param>
public sealed class RoutedUsers(UserResolver users, ServiceCache services, UserRouter router, NodeClock clock)
{
    /// <summary>Handles a heartbeat of a user that was resolved, as <see cref="UserRouter.Beat"/> does.</summary>
    public HeartbeatResult Beat(CachedService service, in UserRef user, SessionId session, RoutedStream? stream)
    {
        var result = router.Beat(service, user, session, stream);
        var isAnswered = result.Rejection is { } reason
            ? reason is not (ErrorReason.UserNotFound or ErrorReason.ServiceInstanceNotFound)
            : result.Stored.IsCompletedSuccessfully;
        return isAnswered ? result : BeatAgain(service, user, result.ToTask(service.Sid, user), session, stream);
    }

    /// <summary>
    /// Ends a session, as <see cref="PresenceTracker.EndSession"/> does at the owner. Reads nothing before the owner is asked, except for a
    /// SID that this node does not remember.
    /// </summary>
    /// <param name="service">The service instance.</param>
    /// <param name="key">The user.</param>
    /// <param name="session">The session.</param>
    /// <param name="cancellationToken">Cancels the reads. The owner may end the session anyway.</param>
    /// <exception cref="PresenceException">
    /// UserNotFound, ServiceInstanceNotFound, StorageUnavailable, ServerStopping, OwnerUnavailable.
    /// </exception>
    public async Task EndSessionAsync(CachedService service, UserKey key, SessionId session, CancellationToken cancellationToken)
    {
        var user = await users.ResolveAsync(service, key, cancellationToken).ConfigureAwait(false);
        try
        {
            await router.EndSession(service, user, session, exists: false).ConfigureAwait(false);
            return;
        }
        catch (PresenceException error) when (error.Reason == ErrorReason.UserNotFound)
        {
            Forget(service, user);
        }
        catch (PresenceException error) when (error.Reason == ErrorReason.ServiceInstanceNotFound)
        {
            service = await FindLaterAsync(service, error).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        user = await users.ResolveExistingAsync(service, key, cancellationToken).ConfigureAwait(false);
        await router.EndSession(service, user, session, exists: true).ConfigureAwait(false);
    }

    // Not in Beat: what the function captures would be allocated for each heartbeat.
    private HeartbeatResult BeatAgain(CachedService service, in UserRef user, Task first, SessionId session, RoutedStream? stream) =>
        new(Rejection: null, BeatAgainAsync(service, user, first, session, stream));

    private async Task BeatAgainAsync(CachedService service, UserRef user, Task first, SessionId session, RoutedStream? stream)
    {
        try
        {
            await first.ConfigureAwait(false);
            return;
        }
        catch (PresenceException error) when (error.Reason == ErrorReason.UserNotFound && Forget(service, user))
        {
            // What was remembered may be outdated. Only a read can tell.
        }
        catch (PresenceException error) when (error.Reason == ErrorReason.ServiceInstanceNotFound)
        {
            service = await FindLaterAsync(service, error).ConfigureAwait(false);
        }
        if (user.Sid is { } sid)
            user = await users.ResolveAsync(service, new UserKey(sid), CancellationToken.None).ConfigureAwait(false);
        await router.Beat(service, user, session, stream).ToTask(service.Sid, user).ConfigureAwait(false);
    }

    private bool Forget(CachedService service, UserRef user) => user.Sid is { } sid && users.Forget(service, sid);

    /// <summary>Returns the service instance that has the SID now, if it is a later one; throws the error of the owner otherwise.</summary>
    private async Task<CachedService> FindLaterAsync(CachedService service, PresenceException error)
    {
        var present = await services.GetCurrentAsync(service, clock.Now).ConfigureAwait(false);
        return present.Id > service.Id ? present : throw error;
    }
}
