using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Presence;

/// <summary>The result of a heartbeat.</summary>
/// <param name="Rejection">
/// Why the heartbeat changed nothing: SessionEnded, UserNotFound, ServiceInstanceNotFound; null if the lease was renewed.
/// </param>
/// <param name="Stored">
/// Completes when what the heartbeat made visible is stored; completed already if it is answered from memory. Faults with a
/// <see cref="PresenceException"/>: StorageUnavailable or ServerStopping (the lease stays renewed), UserNotFound (an unknown user that may
/// not be created), QuotaExceeded (the service instance has no room for another user), SessionEnded (the user was deleted meanwhile),
/// ServiceInstanceNotFound.
/// </param>
public readonly record struct HeartbeatResult(ErrorReason? Rejection, Task Stored)
{
    internal static HeartbeatResult Rejected(ErrorReason reason) => new(reason, Task.CompletedTask);
}
