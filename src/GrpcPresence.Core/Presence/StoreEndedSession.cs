using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// Stores that a session ended, so that no heartbeat can begin it again after a restart. Takes no revision. ServiceInstanceNotFound.
/// </summary>
/// <param name="service">The service instance.</param>
/// <param name="identity">The user. Need not exist.</param>
/// <param name="session">The session.</param>
/// <param name="until">The uptime of the server up to which the id is remembered.</param>
/// <param name="evicted">
/// The id of the user that had to make room, or empty. The store forgets it, so that each user has few remembered ids.
/// </param>
internal sealed class StoreEndedSession(CachedService service, Identity identity, SessionId session, TimeSpan until, SessionId evicted)
    : Command<SessionId>
{
    private protected override SessionId DecideCore(CommandBatch batch)
    {
        if (batch.Service(service.Sid).Record.Id != service.Id)
            throw PresenceErrors.ServiceInstanceNotFound(service.Sid);
        if (!evicted.IsEmpty)
            batch.Store.RemoveEndedSession(service.Id, identity, evicted);
        batch.Store.AddEndedSession(service.Id, identity, session, until);
        return session;
    }
}
