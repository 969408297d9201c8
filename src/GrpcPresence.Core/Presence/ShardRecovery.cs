using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// Reads what the store holds of one shard: for a take-over, and after commits may have been lost. A single node does the same for all
/// users when it starts: see <see cref="PresenceRecovery"/>.
/// </summary>
public sealed class ShardRecovery(ServiceCache services)
{
    /// <summary>
    /// Takes over a shard and loads its ended sessions and online users. Returns the number of online users. If it fails, call it again, or
    /// close the shard. <see cref="ShardLoad.Open"/> follows.
    /// </summary>
    /// <param name="load">The shard.</param>
    /// <param name="stored">The stored uptime.</param>
    /// <param name="listEndedAsync">Lists the stored ended sessions of the shard.</param>
    /// <param name="listOnlineAsync">Lists the users of the shard that are online and known.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="PresenceException">StorageUnavailable.</exception>
    public async Task<long> TakeOverAsync(
        ShardLoad load,
        ServerUptime stored,
        StoredPage<StoredEndedSession> listEndedAsync,
        StoredPage<StoredOnlineUser> listOnlineAsync,
        CancellationToken cancellationToken)
    {
        load.TakeOver(stored);
        await StoredPages.LoadAsync(
            services,
            listEndedAsync,
            static ended => (ended.Id, ended.Service),
            (service, ended) => load.RecoverEnded(service, ended.Identity, ended.Session, ended.Until),
            cancellationToken).ConfigureAwait(false);
        return await StoredPages.LoadAsync(
            services,
            listOnlineAsync,
            static user => (user.Id, user.Service),
            (service, user) => load.Recover(service, user),
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Compares the users of the shard with the store, because commits may be lost, and queues each user that differs. If it fails, call it
    /// again with a new check.
    /// </summary>
    /// <exception cref="PresenceException">StorageUnavailable.</exception>
    public async Task CheckAsync(
        StoredPresenceCheck check, StoredPage<StoredOnlineUser> listOnlineAsync, CancellationToken cancellationToken)
    {
        await StoredPages.LoadAsync(
            services,
            listOnlineAsync,
            static user => (user.Id, user.Service),
            (service, user) => check.Add(service, user),
            cancellationToken).ConfigureAwait(false);
        check.Complete();
    }
}
