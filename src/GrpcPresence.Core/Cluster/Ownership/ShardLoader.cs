using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Cluster.Ownership;

/// <summary>Loads shards that this node holds and has not opened yet. Safe from any thread.</summary>
internal sealed class ShardLoader(IClusterStore store, ServiceCache services, TrackedShards shards)
{
    /// <summary>Rows of a read: a few milliseconds.</summary>
    private const int PageSize = 10_000;

    /// <summary>
    /// Loads a shard from what its last holder has handed over, and from the store as well unless the hand-over was the complete one before
    /// the switch. Afterwards the shard can be opened.
    /// </summary>
    /// <param name="shard">The shard, whose gate is closed.</param>
    /// <param name="incoming">What was received; null if nothing was.</param>
    /// <param name="isHandedOver">Whether the store gave the shard to this node because the hand-over was complete.</param>
    /// <exception cref="StorageException">The store cannot be read now.</exception>
    public async Task<ShardLoad> LoadAsync(Shard shard, Incoming? incoming, bool isHandedOver)
    {
        var load = shards.Load(shard);
        if (incoming is not null)
        {
            load.Receive(incoming.Begin.Start);
            foreach (var user in incoming.Users)
            {
                if (await FindAsync(user.Service, user.ServiceId).ConfigureAwait(false) is { } service)
                    load.Receive(service, user);
            }
        }
        if (isHandedOver)
            return load;
        load.TakeOver(await store.FindUptimeAsync(CancellationToken.None).ConfigureAwait(false));
        for (long after = 0; ;)
        {
            var page = await store.ListEndedSessionsAsync(shard, after, PageSize, CancellationToken.None).ConfigureAwait(false);
            foreach (var ended in page)
            {
                if (await FindAsync(ended.Service, id: null).ConfigureAwait(false) is { } service)
                    load.RecoverEnded(service, ended.Identity, ended.Session, ended.Until);
            }
            if (page.Count < PageSize)
                break;
            after = page[^1].Id;
        }
        for (long after = 0; ;)
        {
            var page = await store.ListOnlineUsersAsync(shard, after, PageSize, CancellationToken.None).ConfigureAwait(false);
            foreach (var user in page)
            {
                if (await FindAsync(user.Service, id: null).ConfigureAwait(false) is { } service)
                    load.Recover(service, user);
            }
            if (page.Count < PageSize)
                return load;
            after = page[^1].Id;
        }
    }

    /// <summary>Returns the service instance; null if it was deleted meanwhile.</summary>
    private async ValueTask<CachedService?> FindAsync(ServiceSid sid, long? id)
    {
        try
        {
            var service = await services.GetAsync(sid, CancellationToken.None).ConfigureAwait(false);
            return id is null || service.Id == id ? service : null;
        }
        catch (PresenceException error) when (error.Reason == ErrorReason.ServiceInstanceNotFound)
        {
            return null;
        }
    }
}
