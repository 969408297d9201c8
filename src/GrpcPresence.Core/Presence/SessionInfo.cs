using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Presence;

/// <summary>A live session. Times are converted from the lease clock to the present wall clock.</summary>
/// <param name="Id">The id.</param>
/// <param name="LastHeartbeatTime">When the last heartbeat came.</param>
/// <param name="LeaseExpireTime">When the session ends unless another heartbeat comes.</param>
public readonly record struct SessionInfo(SessionId Id, DateTimeOffset LastHeartbeatTime, DateTimeOffset LeaseExpireTime);
