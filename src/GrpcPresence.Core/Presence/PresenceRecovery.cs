using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
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
        await LoadAsync(
            reader.ListEndedSessionsAsync,
            ended => (ended.Id, ended.Service),
            (service, ended) => tracker.RecoverEnded(service, ended.Identity, ended.Session, ended.Until),
            cancellationToken).ConfigureAwait(false);
        return await LoadAsync(
            reader.ListOnlineUsersAsync,
            user => (user.Id, user.Service),
            (service, user) => tracker.Recover(service, user),
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Loads all pages of a list, and returns the number of its rows.</summary>
    private async Task<long> LoadAsync<TRow>(
        Func<long, int, CancellationToken, ValueTask<IReadOnlyList<TRow>>> listAsync,
        Func<TRow, (long Id, ServiceSid Service)> keyOf,
        Action<CachedService, TRow> recover,
        CancellationToken cancellationToken)
    {
        long count = 0;
        CachedService? service = null;
        var next = listAsync(0, PageSize, cancellationToken).AsTask();
        while (true)
        {
            var page = await next.ConfigureAwait(false);
            // The store reads the next page while the tracker takes this one.
            if (page.Count == PageSize)
                next = listAsync(keyOf(page[^1]).Id, PageSize, cancellationToken).AsTask();
            foreach (var row in page)
            {
                var key = keyOf(row);
                if (service is null || service.Sid != key.Service)
                    service = await services.GetAsync(key.Service, cancellationToken).ConfigureAwait(false);
                recover(service, row);
            }
            count += page.Count;
            if (page.Count < PageSize)
                return count;
        }
    }
}
