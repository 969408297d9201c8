using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Core.Changes;

/// <summary>The cells of this process, as the writer needs them. Called on the writer's thread, outside any transaction.</summary>
public interface IUserCells
{
    /// <summary>The cell of the user; null when this process tracks nothing of them.</summary>
    UserCell? Find(ServiceSid service, long serviceId, Identity identity);

    /// <summary>Queues, as background work, every cell of the service instance that has live sessions: reachability was switched on.</summary>
    void Reconsider(LiveService service);
}
