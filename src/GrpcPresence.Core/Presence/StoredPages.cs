using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Presence;

/// <summary>Returns rows with a key above the given one, by ascending key, at most so many.</summary>
public delegate ValueTask<IReadOnlyList<TRow>> StoredPage<TRow>(long afterId, int limit, CancellationToken cancellationToken);

/// <summary>Reads all pages of a list of the store.</summary>
internal static class StoredPages
{
    /// <summary>Users per read: a few milliseconds and about 2 MiB.</summary>
    private const int PageSize = 10_000;

    /// <summary>
    /// Reads all pages, passes each row on with its service instance, and returns the number of rows. Leaves out the rows of a service
    /// instance that another node has deleted since.
    /// </summary>
    /// <exception cref="PresenceException">StorageUnavailable.</exception>
    public static async Task<long> LoadAsync<TRow>(
        ServiceCache services,
        StoredPage<TRow> listAsync,
        Func<TRow, (long Id, ServiceSid Service)> keyOf,
        Action<CachedService, TRow> recover,
        CancellationToken cancellationToken)
    {
        long count = 0;
        ServiceSid? sid = null;
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
                if (sid != key.Service)
                {
                    service = await FindAsync(services, key.Service, cancellationToken).ConfigureAwait(false);
                    sid = key.Service;
                }
                if (service is not null)
                    recover(service, row);
            }
            count += page.Count;
            if (page.Count < PageSize)
                return count;
        }
    }

    private static async ValueTask<CachedService?> FindAsync(ServiceCache services, ServiceSid sid, CancellationToken cancellationToken)
    {
        try
        {
            return await services.GetAsync(sid, cancellationToken).ConfigureAwait(false);
        }
        catch (PresenceException error) when (error.Reason == ErrorReason.ServiceInstanceNotFound)
        {
            return null;
        }
    }
}
