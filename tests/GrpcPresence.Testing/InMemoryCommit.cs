using System.Collections.Immutable;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Testing;

/// <summary>Applies a commit to the data of <see cref="InMemoryPresenceStore"/>.</summary>
internal static class InMemoryCommit
{
    /// <summary>Returns the data after the commit, and what the commit did.</summary>
    public static (StoreImage Image, CommitResult Result) Apply(StoreImage image, BatchWrites writes)
    {
        var isDirectoryStale = (writes.DirectoryVersion is { } version && version != image.DirectoryVersion)
            || writes.Services.Any(service => service.ChangesDirectory && IsStale(image, service, writes));
        var stale = writes.Services.Where(service => isDirectoryStale || IsStale(image, service, writes))
            .Select(service => service.Service.Record.Sid).ToHashSet();
        var result = new CommitResult(isDirectoryStale, [.. writes.Services.Select(service => ResultOf(image, service, stale))]);
        image = image with { LastCommit = writes.Number, LastResult = result };
        return (isDirectoryStale ? image : Write(image, writes, stale), result);
    }

    private static bool IsStale(StoreImage image, ServiceWrites writes, BatchWrites batch)
    {
        var record = writes.Service.Record;
        if (!writes.IsNew)
            return !image.Services.TryGetValue(record.Id, out var known) || known.IsDeleted || known.Version != writes.Service.Version;
        return image.Find(record.Sid) is { } present
            && !batch.Services.Any(other => other.IsDeleted && other.Service.Record.Id == present.Record.Id);
    }

    private static ServiceResult ResultOf(StoreImage image, ServiceWrites writes, HashSet<ServiceSid> stale)
    {
        var record = writes.Service.Record;
        return new ServiceResult(
            record.Sid, stale.Contains(record.Sid), image.Services.GetValueOrDefault(record.Id)?.Record.Revision ?? 0);
    }

    private static StoreImage Write(StoreImage image, BatchWrites writes, HashSet<ServiceSid> stale)
    {
        foreach (var service in writes.Services.OrderByDescending(service => service is { IsDeleted: true, IsNew: false }))
        {
            if (!stale.Contains(service.Service.Record.Sid))
                image = Write(image, service);
        }
        foreach (var mark in writes.AliveMarks)
        {
            if (image.Services.TryGetValue(mark.ServiceId, out var service) && service.Users.TryGetValue(mark.UserId, out var user))
                image = image.With(service.Remove(user.Id).Add(user with { LastAlive = mark.Uptime }));
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
            Uptime = writes.Uptime ?? image.Uptime,
            DirectoryVersion = image.DirectoryVersion + (writes.ChangesDirectory ? 1 : 0),
        };
    }

    private static StoreImage Write(StoreImage image, ServiceWrites writes)
    {
        var record = writes.Service.Record;
        if (writes.IsNew)
        {
            if (record.Id != image.LastServiceId + 1)
                throw new InvalidOperationException($"{record.Id} is not the next key of a service instance.");
            image = image with { LastServiceId = record.Id };
        }
        var service = writes.IsNew ? new ServiceImage(record) : image.Services[record.Id];
        service = service with { Version = service.Version + 1, IsDeleted = writes.IsDeleted };
        return image.With(writes.IsDeleted ? service : WithSettings(WithRows(WithRecord(service, writes, image), writes), writes));
    }

    private static ServiceImage WithRecord(ServiceImage service, ServiceWrites writes, StoreImage image)
    {
        var record = writes.Service.Record;
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
            NextUserId = writes.Service.NextUserId,
            NextBindingId = writes.Service.NextBindingId,
        };
    }

    private static ServiceImage WithRows(ServiceImage service, ServiceWrites writes)
    {
        service = service with { Bindings = service.Bindings.RemoveRange(writes.DeletedBindings) };
        foreach (var id in writes.DeletedUsers)
        {
            var sid = service.Users[id].Sid;
            service = service.Remove(id);
            service = service with
            {
                Bindings = service.Bindings.RemoveRange(service.Bindings.Values.Where(b => b.UserSid == sid).Select(b => b.Id)),
            };
        }
        service = service with
        {
            Tombstones = service.Tombstones.AddRange(writes.Tombstones.Select(added => KeyValuePair.Create(added.Revision, added))),
        };
        foreach (var user in writes.ChangedUsers)
            service = service.Remove(user.Id).Add(Changed(service.Users[user.Id], user));
        foreach (var (id, presence) in writes.Presences)
            service = service.Remove(id).Add(presence.ApplyTo(service.Users[id]));
        foreach (var user in writes.NewUsers)
            service = service.Add(user);
        foreach (var (binding, userId) in writes.NewBindings)
        {
            var owner = service.Users[userId];
            var added = binding with { UserSid = owner.Sid, Identity = owner.Identity };
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

    private static UserRecord Changed(UserRecord stored, UserRecord user) => user with
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
