using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Presence;

/// <summary>The result of a heartbeat.</summary>
/// <param name="Rejection">
/// Why the heartbeat changed nothing: SessionEnded, UserNotFound, ServiceInstanceNotFound; null if the lease was renewed.
/// </param>
/// <param name="Stored">
/// Completes when what the heartbeat made visible is stored; completed already if it is answered from memory. Faults with a
/// <see cref="PresenceException"/>: StorageUnavailable or ServerStopping (the lease stays renewed), UserNotFound (an unknown user that may
/// not be created), QuotaExceeded (the service instance has no room for another user), SessionEnded (the user was deleted meanwhile),
/// ServiceInstanceNotFound. In a cluster also with a <see cref="ShardMovedException"/>: another node holds the shard, and the heartbeat
/// belongs there. Sending it again there is harmless.
/// </param>
public readonly record struct HeartbeatResult(ErrorReason? Rejection, Task Stored)
{
    /// <summary>Whether the heartbeat changed nothing, because this node does not hold the shard of the user.</summary>
    public bool IsMoved => Stored.IsFaulted && Stored.Exception.InnerException is ShardMovedException;

    /// <summary>Returns the result as a task, which also faults if the heartbeat was rejected.</summary>
    /// <param name="service">The SID of the service instance, for the error.</param>
    /// <param name="user">The user, for the error.</param>
    internal Task ToTask(ServiceSid service, in UserRef user) => Rejection switch
    {
        null => Stored,
        ErrorReason.SessionEnded => Task.FromException(PresenceErrors.SessionEnded()),
        ErrorReason.ServiceInstanceNotFound => Task.FromException(PresenceErrors.ServiceInstanceNotFound(service)),
        _ => Task.FromException(PresenceErrors.UserNotFound(user.Sid is { } sid ? sid : user.Identity)),
    };

    internal static HeartbeatResult Rejected(ErrorReason reason) => new(reason, Task.CompletedTask);

    internal static HeartbeatResult Moved(Shard shard)
    {
        var moved = Task.FromException(new ShardMovedException(shard));
        _ = moved.Exception; // observed, because the caller may ask IsMoved alone
        return new HeartbeatResult(null, moved);
    }
}
