using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Presence;

/// <summary>What a heartbeat did.</summary>
/// <param name="Rejection">Why it changed nothing: SessionEnded, UserNotFound, ServiceInstanceNotFound; null when the lease was renewed.</param>
/// <param name="Stored">
/// Completes when what the heartbeat made visible is stored; completed already when it is answered from memory. Faults with a
/// <see cref="PresenceException"/>: StorageUnavailable or ServerStopping (the lease stands), UserNotFound (an unknown user who may not be created),
/// QuotaExceeded (one whom the service instance has no room for), SessionEnded (the user was deleted meanwhile), ServiceInstanceNotFound.
/// </param>
public readonly record struct HeartbeatResult(ErrorReason? Rejection, Task Stored)
{
    internal static HeartbeatResult Rejected(ErrorReason reason) => new(reason, Task.CompletedTask);
}
