using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Core.Changes.Store;

/// <summary>A user whom the store holds online.</summary>
/// <param name="Id">The store's key of the user.</param>
/// <param name="Service">The service instance.</param>
/// <param name="Sid">The SID.</param>
/// <param name="Identity">The identity.</param>
public readonly record struct StoredOnlineUser(long Id, ServiceSid Service, UserSid Sid, Identity Identity);
