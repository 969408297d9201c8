using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Writing;

/// <summary>What the writer asks of the tracked users. Called on the writer's thread.</summary>
public interface ITrackedUsers
{
    /// <summary>The uptime of the server over all its starts; null until that of earlier processes was read.</summary>
    TimeSpan? Uptime { get; }

    /// <summary>
    /// Returns the sessions that the deletion of the user ends, and those that ended shortly before, each with the uptime up to which its
    /// id must stay ended. Changes nothing that is visible.
    /// </summary>
    /// <param name="service">The service instance.</param>
    /// <param name="serviceId">The store's key of the service instance.</param>
    /// <param name="identity">The user.</param>
    /// <param name="retention">How long the tombstone of the user is kept.</param>
    SessionsToEnd FindSessionsToEnd(ServiceSid service, long serviceId, Identity identity, TimeSpan retention);

    /// <summary>Ends the sessions of a user whose deletion was committed. Does nothing if the user is not tracked.</summary>
    /// <param name="service">The service instance.</param>
    /// <param name="serviceId">The store's key of the service instance.</param>
    /// <param name="identity">The user.</param>
    /// <param name="retention">How long the tombstone of the user is kept.</param>
    /// <param name="stored">The sessions whose end was stored with the deletion. The end of later ones is queued.</param>
    void Delete(ServiceSid service, long serviceId, Identity identity, TimeSpan retention, SessionsToEnd stored);

    /// <summary>Queues, as background work, every online user of the service instance, because a commit switched reachability on.</summary>
    void Reconsider(CachedService service);
}
