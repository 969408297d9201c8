using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Presence;

/// <summary>A live session, as people see it. The times are the lease clock's, told by the wall clock of now.</summary>
/// <param name="Id">The id.</param>
/// <param name="LastHeartbeatTime">When it last beat.</param>
/// <param name="LeaseExpireTime">When it ends if it does not beat again.</param>
public readonly record struct SessionInfo(SessionId Id, DateTimeOffset LastHeartbeatTime, DateTimeOffset LeaseExpireTime);
