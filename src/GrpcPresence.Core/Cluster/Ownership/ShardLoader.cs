using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Cluster.Ownership;

/// <summary>Loads shards that this node holds and has not opened yet. Used only by the loop of the node.</summary>
/// <param name="store">The store.</param>
/// <param name="services">The cache of service instances.</param>
/// <param name="shards">The shards in the tracker.</param>
/// <param name="wake">Wakes the loop when a load is complete.</param>
internal sealed class ShardLoader(IClusterStore store, ServiceCache services, TrackedShards shards, Action wake)
{
    private readonly ShardRecovery _recovery = new(services);
    private Task<ServerUptime>? _uptime; // one read for all loads that begin together

    /// <summary>Makes later loads read the uptime again. Call it after the node has learned that it holds the shards.</summary>
    public void RenewUptime() => _uptime = null;

    /// <summary>
    /// Loads a shard from what its last holder has handed over, and from the store as well unless the hand-over was the complete one before
    /// the switch. Afterwards the shard can be opened. <see cref="TrackedShards.Close"/> cancels the load.
    /// </summary>
    /// <param name="shard">The shard, whose gate is closed.</param>
    /// <param name="incoming">What was received; null if nothing was.</param>
    /// <param name="isHandedOver">Whether the store gave the shard to this node because the hand-over was complete.</param>
    /// <exception cref="StorageException">The store cannot be read now.</exception>
    public Task<ShardLoad> LoadAsync(Shard shard, Incoming? incoming, bool isHandedOver)
    {
        var uptime = isHandedOver ? null : _uptime ??= store.FindUptimeAsync(CancellationToken.None).AsTask();
        var loading = FillAsync(shards.Load(shard), incoming, uptime);
        if (!loading.IsCompleted)
        {
            loading.ContinueWith(
                static (_, wake) => ((Action)wake!)(), wake, CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
        return loading;
    }

    private async Task<ShardLoad> FillAsync(ShardLoad load, Incoming? incoming, Task<ServerUptime>? uptime)
    {
        if (incoming is not null)
        {
            load.Receive(incoming.Begin.Start);
            foreach (var user in incoming.Users)
            {
                if (await FindAsync(user.Service, user.ServiceId, load.Stopped).ConfigureAwait(false) is { } service)
                    load.Receive(service, user);
            }
        }
        if (uptime is null)
            return load;
        await _recovery.TakeOverAsync(
            load,
            await uptime.WaitAsync(load.Stopped).ConfigureAwait(false),
            (after, limit, stop) => store.ListEndedSessionsAsync(load.Shard, after, limit, stop),
            (after, limit, stop) => store.ListOnlineUsersAsync(load.Shard, after, limit, stop),
            load.Stopped).ConfigureAwait(false);
        return load;
    }

    /// <summary>Returns the service instance; null if it was deleted meanwhile.</summary>
    private async ValueTask<CachedService?> FindAsync(ServiceSid sid, long id, CancellationToken cancellationToken)
    {
        try
        {
            var service = await services.GetAsync(sid, cancellationToken).ConfigureAwait(false);
            return service.Id == id ? service : null;
        }
        catch (PresenceException error) when (error.Reason == ErrorReason.ServiceInstanceNotFound)
        {
            return null;
        }
    }
}
