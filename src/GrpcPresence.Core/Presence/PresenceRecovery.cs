using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// Loads the uptime, the ended sessions, and the users that were online in the store before the start. When the service is ready, call
/// <see cref="PresenceTracker.Start"/>.
/// </summary>
public sealed class PresenceRecovery(IStoreReader reader, ServiceCache services, PresenceTracker tracker)
{
    /// <summary>Loads everything, and returns the number of users that were online.</summary>
    /// <exception cref="PresenceException">StorageUnavailable.</exception>
    public async Task<long> LoadAsync(CancellationToken cancellationToken)
    {
        tracker.Resume(await reader.FindUptimeAsync(cancellationToken).ConfigureAwait(false));
        await StoredPages.LoadAsync(
            services,
            reader.ListEndedSessionsAsync,
            static ended => (ended.Id, ended.Service),
            (service, ended) => tracker.RecoverEnded(service, ended.Identity, ended.Session, ended.Until),
            cancellationToken).ConfigureAwait(false);
        return await StoredPages.LoadAsync(
            services,
            reader.ListOnlineUsersAsync,
            static user => (user.Id, user.Service),
            (service, user) => tracker.Recover(service, user),
            cancellationToken).ConfigureAwait(false);
    }
}
