using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Writing;

/// <summary>What the writer does to the tracked users. Called on the writer's thread, outside any transaction.</summary>
public interface ITrackedUsers
{
    /// <summary>Ends the sessions of a user whose deletion was committed. Does nothing if the user is not tracked.</summary>
    void Delete(long serviceId, Identity identity);

    /// <summary>Queues, as background work, every online user of the service instance, because reachability was switched on.</summary>
    void Reconsider(CachedService service);
}
