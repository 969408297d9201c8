using System.Collections.Immutable;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Testing;

/// <summary>Applies a commit to the data of <see cref="InMemoryPresenceStore"/>.</summary>
internal static class InMemoryCommit
{
    /// <summary>Returns the data after the commit, and what the commit did.</summary>
    public static (StoreImage Image, CommitResult Result) Apply(
        StoreImage image, BatchWrites writes, StoreMutation mutation = StoreMutation.None)
    {
        var lost = LostShards(image, writes, mutation);
        if (mutation == StoreMutation.LostShardsWrittenInPart && lost.Length > 0)
            return (Write(image, writes, [], mutation), Refuse(writes) with { LostShards = lost });
        if (lost.Length > 0)
            return (image, Refuse(writes) with { LostShards = lost });
        if (writes.Switches.Count > 0)
        {
            var isGone = writes.Switches.Exists(given => image.Cluster.FindActive(given.Receiver) is null);
            if (isGone && mutation != StoreMutation.SwitchToAnyNode)
                return (image, Refuse(writes));
            image = image with
            {
                Cluster = image.Cluster.Give([.. writes.Switches.Select(given => (given.Shard, (NodeId?)given.Receiver))]),
            };
        }
        var isDirectoryStale = (writes.DirectoryVersion is { } version && version != image.DirectoryVersion)
            || writes.Services.Any(service => service.ChangesDirectory && IsStale(image, service, writes, mutation));
        var stale = writes.Services.Where(service => isDirectoryStale || IsStale(image, service, writes, mutation))
            .Select(service => service.Service.Record.Sid).ToHashSet();
        var result = new CommitResult(isDirectoryStale, [.. writes.Services.Select(service => ResultOf(image, service, stale, mutation))])
        {
            SwitchEpoch = writes.Switches.Count > 0 ? image.Cluster.Epoch : null,
        };
        return (isDirectoryStale ? image : Write(image, writes, stale, mutation), result);
    }

    private static ImmutableArray<Shard> LostShards(StoreImage image, BatchWrites writes, StoreMutation mutation)
    {
        if (writes.Node is not { } node)
            return [];
        var named = writes.Shards.Select(named => (named.Shard, named.Epoch))
            .Concat(writes.Switches.Select(given => (given.Shard, given.Epoch)));
        return
        [
            .. named.Where(named =>
            {
                var held = image.Cluster.Shards.GetValueOrDefault(named.Shard.Number);
                return (held.Node != node && mutation != StoreMutation.HolderNotChecked)
                    || (held.Epoch != named.Epoch && mutation != StoreMutation.EpochNotChecked);
            }).Select(named => named.Shard),
        ];
    }

    private static CommitResult Refuse(BatchWrites writes) => new(
        IsDirectoryStale: false,
        [.. writes.Services.Select(service => new ServiceResult(service.Service.Record.Sid, IsStale: true, Base: default))]);

    private static bool IsStale(StoreImage image, ServiceWrites writes, BatchWrites batch, StoreMutation mutation)
    {
        var record = writes.Service.Record;
        if (!writes.IsNew)
        {
            return !image.Services.TryGetValue(record.Id, out var known) || known.IsDeleted
                || (known.Version != writes.Read.Version && mutation != StoreMutation.StaleConfigurationCommitted)
                || (writes.DependsOnRevision && known.Record.Revision != writes.Read.Record.Revision)
                || HasTooManyUsers(known, writes, batch.UsersPerService) || AreRowsStale(known, writes);
        }
        return image.Find(record.Sid) is { } present
            && !batch.Services.Any(other => other.IsDeleted && other.Service.Record.Id == present.Record.Id);
    }

    private static bool HasTooManyUsers(ServiceImage known, ServiceWrites writes, long limit)
    {
        var added = writes.Service.Record.UserCount - writes.Read.Record.UserCount;
        return added > 0 && known.Record.UserCount + added > limit;
    }

    private static bool AreRowsStale(ServiceImage known, ServiceWrites writes)
    {
        IEnumerable<long> written =
        [
            .. writes.DeletedUsers, .. writes.ChangedUsers.Select(user => user.Id), .. writes.Presences.Select(write => write.UserId),
        ];
        if (written.Any(id => known.Versions.GetValueOrDefault(id) != writes.UserVersions[id]))
            return true;
        var taken = writes.NewUsers.Select(user => user.Identity).Concat(writes.Tombstones.Select(tombstone => tombstone.Identity));
        if (taken.Any(identity => known.FindUser(new UserKey(identity)) is { } other && !writes.DeletedUsers.Contains(other.Id)))
            return true;
        var left = known.Bindings.Values.Where(binding => !writes.DeletedBindings.Contains(binding.Id)
            && !writes.DeletedUsers.Contains(known.FindUser(new UserKey(binding.UserSid))!.Id));
        var addresses = writes.NewBindings.Select(write => (write.Binding.Type, write.Binding.Endpoint)).ToHashSet();
        return left.Any(other => addresses.Contains((other.Type, other.Endpoint)))
            || (writes.Webhook is not null && known.Webhook?.Position != writes.ReadPosition);
    }

    private static ServiceResult ResultOf(StoreImage image, ServiceWrites writes, HashSet<ServiceSid> stale, StoreMutation mutation)
    {
        var record = writes.Service.Record;
        var known = writes.IsNew ? null : image.Services.GetValueOrDefault(record.Id);
        var counters = writes.IsNew ? writes.Read.Counters : known is null ? default : Base(known, writes, mutation);
        return new ServiceResult(record.Sid, stale.Contains(record.Sid), counters);
    }

    /// <summary>Returns the counters from which a commit continues.</summary>
    private static ServiceCounters Base(ServiceImage service, ServiceWrites writes, StoreMutation mutation) =>
        mutation == StoreMutation.KeysFromASequence ? service.Counters with { NextUserId = writes.Read.NextUserId } : service.Counters;

    private static StoreImage Write(StoreImage image, BatchWrites writes, HashSet<ServiceSid> stale, StoreMutation mutation)
    {
        var isOfCluster = writes.Node is not null;
        foreach (var service in writes.Services.OrderByDescending(service => service is { IsDeleted: true, IsNew: false }))
        {
            if (!stale.Contains(service.Service.Record.Sid))
                image = Write(image, service, mutation);
        }
        foreach (var mark in writes.AliveMarks)
        {
            if (image.Services.TryGetValue(mark.ServiceId, out var service) && service.Users.TryGetValue(mark.UserId, out var user))
            {
                var lastAlive = isOfCluster && mutation != StoreMutation.AliveMarkGoesBack && user.LastAlive > mark.Uptime
                    ? user.LastAlive : mark.Uptime;
                image = image.With(service.Remove(user.Id).Add(user with { LastAlive = lastAlive }));
            }
        }
        var keys = image.ApiKeys.RemoveRange(writes.DeletedApiKeys);
        foreach (var key in writes.ChangedApiKeys)
            keys = keys.SetItem(key.Id, Changed(keys[key.Id], key));
        foreach (var key in writes.NewApiKeys)
            keys = keys.Add(key.Id, key);
        return image with
        {
            ApiKeys = keys,
            LastApiKeyId = writes.NewApiKeys.Select(key => key.Id).Append(image.LastApiKeyId).Max(),
            Uptime = writes.Uptime is not { } uptime ? image.Uptime
                : isOfCluster && mutation != StoreMutation.UptimeGoesBack ? Later(image.Uptime, uptime) : uptime,
            DirectoryVersion = image.DirectoryVersion + (writes.ChangesDirectory ? 1 : 0),
            Cluster = CountsAsChange(writes, stale) && mutation != StoreMutation.ChangesNotCounted
                ? image.Cluster with { ChangesVersion = image.Cluster.ChangesVersion + 1 } : image.Cluster,
        };
    }

    private static ServerUptime Later(ServerUptime stored, ServerUptime uptime) => new(
        stored.AliveTime > uptime.AliveTime ? stored.AliveTime : uptime.AliveTime,
        stored.Total > uptime.Total ? stored.Total : uptime.Total);

    private static bool CountsAsChange(BatchWrites writes, HashSet<ServiceSid> stale) =>
        writes.NewApiKeys.Count + writes.ChangedApiKeys.Count + writes.DeletedApiKeys.Count > 0
        || writes.Services.Any(service => service.ChangesSettings && (service.Webhook is not null || service.Notifications is not null)
            && !stale.Contains(service.Service.Record.Sid));

    private static StoreImage Write(StoreImage image, ServiceWrites writes, StoreMutation mutation)
    {
        var record = writes.Service.Record;
        if (writes.IsNew)
        {
            if (record.Id != image.LastServiceId + 1)
                throw new InvalidOperationException($"{record.Id} is not the next key of a service instance.");
            image = image with { LastServiceId = record.Id };
        }
        var service = writes.IsNew
            ? new ServiceImage(record with { Timeline = image.Timeline }) : image.Services[record.Id];
        var isVersionRaised = writes.ChangesSettings || writes.ChangesDirectory;
        var shift = new CounterShift(writes.Read.Counters, writes.IsNew ? writes.Read.Counters : Base(service, writes, mutation));
        service = service with { Version = service.Version + (isVersionRaised ? 1 : 0), IsDeleted = writes.IsDeleted };
        return image.With(
            writes.IsDeleted ? service : WithSettings(WithRows(WithRecord(service, writes, shift, image), writes, shift), writes));
    }

    private static ServiceImage WithRecord(ServiceImage service, ServiceWrites writes, CounterShift shift, StoreImage image)
    {
        var record = shift.Of(writes.Service.Record);
        var counters = shift.After(writes.Service.Counters);
        var timeline = image.Timelines.Count - 1;
        var before = writes.IsNew ? 0 : service.Record.Revision;
        if (record.Revision > before && !service.Cuts.ContainsKey(timeline))
            service = service with { Cuts = service.Cuts.Add(timeline, before) };
        return service with
        {
            // Only what the contract says, so that tests detect code that relies on more.
            Record = service.Record with
            {
                FriendlyName = record.FriendlyName,
                UpdateTime = record.UpdateTime,
                Configuration = record.Configuration,
                Revision = record.Revision,
                UserCount = record.UserCount,
            },
            NextUserId = counters.NextUserId,
            NextBindingId = counters.NextBindingId,
        };
    }

    private static ServiceImage WithRows(ServiceImage service, ServiceWrites writes, CounterShift shift)
    {
        service = service with { Bindings = service.Bindings.RemoveRange(writes.DeletedBindings) };
        foreach (var id in writes.DeletedUsers)
        {
            var sid = service.Users[id].Sid;
            service = service.Remove(id);
            service = service with
            {
                Versions = service.Versions.Remove(id),
                Bindings = service.Bindings.RemoveRange(service.Bindings.Values.Where(b => b.UserSid == sid).Select(b => b.Id)),
            };
        }
        service = service with
        {
            Tombstones = service.Tombstones.AddRange(
                writes.Tombstones.Select(shift.Of).Select(added => KeyValuePair.Create(added.Revision, added))),
        };
        foreach (var user in writes.ChangedUsers)
            service = service.Remove(user.Id).Add(Changed(service.Users[user.Id], shift.Of(user))).Raise(user.Id);
        foreach (var (id, presence) in writes.Presences)
            service = service.Remove(id).Add(Marked(service.Users[id], shift.Of(presence).ApplyTo(service.Users[id]))).Raise(id);
        foreach (var user in writes.NewUsers.Select(shift.Of))
            service = service.Add(user).Raise(user.Id);
        foreach (var (binding, userId) in writes.NewBindings)
        {
            var owner = service.Users[shift.UserId(userId)];
            var added = shift.Of(binding) with { UserSid = owner.Sid, Identity = owner.Identity };
            service = service with { Bindings = service.Bindings.Add(added.Id, added) };
        }
        return service;
    }

    private static ServiceImage WithSettings(ServiceImage service, ServiceWrites writes)
    {
        var ended = service.EndedSessions;
        var lastId = service.LastEndedId;
        foreach (var write in writes.EndedSessions)
        {
            var key = (write.Identity, write.Session);
            if (write.IsForgotten)
                ended = ended.Remove(key);
            if (write.Until is not { } until)
                continue;
            var stored = ended.GetValueOrDefault(key);
            ended = ended.SetItem(key, (stored.Id != 0 ? stored.Id : ++lastId, stored.Until > until ? stored.Until : until));
        }
        return service with
        {
            EndedSessions = ended,
            LastEndedId = lastId,
            Webhook = writes.Webhook ?? service.Webhook,
            Notifications = writes.Notifications ?? service.Notifications,
        };
    }

    private static UserRecord Marked(UserRecord stored, UserRecord user) =>
        stored.LastAlive > user.LastAlive ? user with { LastAlive = stored.LastAlive } : user;

    private static UserRecord Changed(UserRecord stored, UserRecord user) => Marked(stored, user) with
    {
        Sid = stored.Sid,
        Identity = stored.Identity,
        CreateTime = stored.CreateTime,
        CreatedRevision = stored.CreatedRevision,
    };

    private static ApiKey Changed(ApiKey stored, ApiKey key) => stored with
    {
        Secret = key.Secret,
        PreviousSecret = key.PreviousSecret,
        PreviousSecretUntil = key.PreviousSecretUntil,
        RotateTime = key.RotateTime,
        RevokeTime = key.RevokeTime,
    };
}
