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
    /// <summary>Users per read: a few milliseconds and about 2 MiB.</summary>
    private const int PageSize = 10_000;

    /// <summary>Loads everything, and returns the number of users that were online.</summary>
    /// <exception cref="PresenceException">StorageUnavailable.</exception>
    public async Task<long> LoadAsync(CancellationToken cancellationToken)
    {
        tracker.Resume(await reader.FindUptimeAsync(cancellationToken).ConfigureAwait(false));
        await LoadEndedSessionsAsync(cancellationToken).ConfigureAwait(false);
        return await LoadOnlineUsersAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task LoadEndedSessionsAsync(CancellationToken cancellationToken)
    {
        CachedService? service = null;
        for (long after = 0; ;)
        {
            var page = await reader.ListEndedSessionsAsync(after, PageSize, cancellationToken).ConfigureAwait(false);
            foreach (var ended in page)
            {
                if (service is null || service.Sid != ended.Service)
                    service = await services.GetAsync(ended.Service, cancellationToken).ConfigureAwait(false);
                tracker.RecoverEnded(service, ended.Identity, ended.Session, ended.Until);
            }
            if (page.Count < PageSize)
                return;
            after = page[^1].Id;
        }
    }

    private async Task<long> LoadOnlineUsersAsync(CancellationToken cancellationToken)
    {
        long count = 0;
        CachedService? service = null;
        for (long after = 0; ;)
        {
            var page = await reader.ListOnlineUsersAsync(after, PageSize, cancellationToken).ConfigureAwait(false);
            foreach (var user in page)
            {
                if (service is null || service.Sid != user.Service)
                    service = await services.GetAsync(user.Service, cancellationToken).ConfigureAwait(false);
                tracker.Recover(service, user.Sid, user.Identity, user.LastAlive);
            }
            count += page.Count;
            if (page.Count < PageSize)
                return count;
            after = page[^1].Id;
        }
    }
}
