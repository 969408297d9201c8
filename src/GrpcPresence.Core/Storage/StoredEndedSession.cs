using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Storage;

/// <summary>An ended session whose id no heartbeat may begin again.</summary>
/// <param name="Id">The store's key.</param>
/// <param name="Service">The service instance.</param>
/// <param name="Identity">The user. It may be deleted by now.</param>
/// <param name="Session">The id.</param>
/// <param name="Until">The <see cref="ServerUptime.Total"/> up to which the id is remembered.</param>
public readonly record struct StoredEndedSession(long Id, ServiceSid Service, Identity Identity, SessionId Session, TimeSpan Until);
