using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Storage;

/// <summary>A user that is online in the store.</summary>
/// <param name="Id">The store's key of the user.</param>
/// <param name="Service">The service instance.</param>
/// <param name="Sid">The SID.</param>
/// <param name="Identity">The identity.</param>
/// <param name="LastAlive">The <see cref="UserRecord.LastAlive"/>.</param>
public readonly record struct StoredOnlineUser(long Id, ServiceSid Service, UserSid Sid, Identity Identity, TimeSpan LastAlive);
