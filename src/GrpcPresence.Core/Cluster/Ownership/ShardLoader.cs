using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Cluster.Ownership;

/// <summary>Loads shards that this node holds and has not opened yet. Used only by the loop of the node.</summary>
internal sealed class ShardLoader(IClusterStore store, ServiceCache services, TrackedShards shards)
{
    private readonly ShardRecovery _recovery = new(services);
    private Task<ServerUptime>? _uptime; // one read for all loads that begin together

    /// <summary>Makes later loads read the uptime again. Call it after the node has learned that it holds the shards.</summary>
    public void RenewUptime() => _uptime = null;

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
        var uptime = isHandedOver ? null : _uptime ??= store.FindUptimeAsync(CancellationToken.None).AsTask();
        if (incoming is not null)
        {
            load.Receive(incoming.Begin.Start);
            foreach (var user in incoming.Users)
            {
                if (await FindAsync(user.Service, user.ServiceId).ConfigureAwait(false) is { } service)
                    load.Receive(service, user);
            }
        }
        if (uptime is null)
            return load;
        await _recovery.TakeOverAsync(
            load,
            await uptime.ConfigureAwait(false),
            (after, limit, stop) => store.ListEndedSessionsAsync(shard, after, limit, stop),
            (after, limit, stop) => store.ListOnlineUsersAsync(shard, after, limit, stop),
            CancellationToken.None).ConfigureAwait(false);
        return load;
    }

    /// <summary>Returns the service instance; null if it was deleted meanwhile.</summary>
    private async ValueTask<CachedService?> FindAsync(ServiceSid sid, long id)
    {
        try
        {
            var service = await services.GetAsync(sid, CancellationToken.None).ConfigureAwait(false);
            return service.Id == id ? service : null;
        }
        catch (PresenceException error) when (error.Reason == ErrorReason.ServiceInstanceNotFound)
        {
            return null;
        }
    }
}
