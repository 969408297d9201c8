using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Testing;

/// <summary>Reads and commits of the writer.</summary>
public sealed partial class InMemoryPresenceStore
{
    public async ValueTask ReadBatchAsync(BatchKeys keys, BatchRead read)
    {
        Faults.OnOperation();
        await Faults.CompleteLaterAsync();
        var image = Committed;
        foreach (var service in keys.Services)
            Read(image.Find(service.Sid), service, read.AddService());
        foreach (var sid in keys.ApiKeys)
            read.ApiKeys.Add(image.ApiKeys.Values.FirstOrDefault(key => key.Sid == sid));
        foreach (var name in keys.CertificateNames)
            read.ApiKeysByName.Add(image.ApiKeys.Values.FirstOrDefault(key => key.CertificateName == name && !key.IsRevoked));
        foreach (var scope in keys.ApiKeyScopes)
            read.ApiKeysByScope.Add([.. image.ApiKeys.Values.Where(key => key.Scope == scope)]);
        if (keys.NeedsDirectory)
            read.Directory = new StoredDirectory(image.DirectoryVersion, image.LastServiceId + 1, image.LastApiKeyId + 1);
    }

    public async ValueTask<CommitResult> CommitAsync(BatchWrites writes)
    {
        Faults.OnOperation();
        await Faults.CompleteLaterAsync();
        var position = Committed.Writers.GetValueOrDefault(_writer);
        if (writes.Generation != position.Generation || writes.Number != position.LastCommit + 1)
            throw new StorageException("The commit is of an earlier generation of the writer, or its number is not the next one.");
        if (Faults.TakeStale(out var only))
            Raise(writes, only);
        var fault = Faults.TakeCommitFault();
        var (committed, result) = InMemoryCommit.Apply(Committed, writes);
        if (fault != CommitFault.BeforeEffect)
            Committed = committed.With(_writer, position with { LastCommit = writes.Number, LastResult = result });
        return fault == CommitFault.None ? result : throw new StorageException("The commit was made to report failure.");
    }

    public async ValueTask<int> PurgeAsync(DateTimeOffset tombstonesBefore, int limit)
    {
        Faults.OnOperation();
        await Faults.CompleteLaterAsync();
        (Committed, var removed) = InMemoryPurge.Apply(Committed, tombstonesBefore, limit);
        return removed;
    }

    public async ValueTask<WriterPosition> ReopenAsync()
    {
        Faults.OnOperation();
        await Faults.CompleteLaterAsync();
        await Faults.DelayReopeningAsync();
        var position = Committed.Writers.GetValueOrDefault(_writer);
        position = position with { Generation = position.Generation + 1 };
        Committed = Committed.With(_writer, position);
        return position;
    }

    /// <summary>Changes the data as another writer does. Not at the same time as a commit of the store's own writer.</summary>
    public void CommitFromOutside(Func<StoreImage, StoreImage> change) => Committed = change(Committed);

    private static void Read(ServiceImage? image, ServiceKeys keys, ServiceRead read)
    {
        if (image is null)
            return;
        read.Service = new StoredService(image.Record, image.Version, image.NextUserId, image.NextBindingId);
        foreach (var user in keys.Users)
            read.Users.Add(Find(image, user, read));
        foreach (var user in keys.Presences)
        {
            read.Presences.Add(Find(image, user, read) is { } found
                ? new StoredPresence(found.Id, found.Sid, found.HadBinding, UserPresence.Of(found))
                : default);
        }
        foreach (var sid in keys.Bindings)
            read.Bindings.Add(WithOwner(image, read, image.Bindings.Values.FirstOrDefault(binding => binding.Sid == sid)));
        foreach (var (type, endpoint) in keys.Addresses)
        {
            read.BindingsByAddress.Add(WithOwner(
                image, read, image.Bindings.Values.FirstOrDefault(binding => binding.Type == type && binding.Endpoint == endpoint)));
        }
        read.Webhook = keys.NeedsWebhook ? image.Webhook : null;
        read.Notifications = keys.NeedsNotifications ? image.Notifications : null;
    }

    private static UserRecord? Find(ServiceImage image, UserLookup lookup, ServiceRead read)
    {
        var user = lookup.Id == 0 ? image.FindUser(lookup.Key) : image.Users.GetValueOrDefault(lookup.Id);
        if (user is not null)
            read.UserVersions[user.Id] = image.Versions[user.Id];
        return user;
    }

    private static OwnedBinding? WithOwner(ServiceImage image, ServiceRead read, PushBinding? binding) => binding is null
        ? null
        : new OwnedBinding(binding, Find(image, new UserLookup(new UserKey(binding.UserSid)), read)!);

    /// <summary>Raises the versions of the service instances of a commit, as if another writer had been faster.</summary>
    private void Raise(BatchWrites writes, ServiceSid? only)
    {
        foreach (var service in writes.Services)
        {
            var isStale = only is null || only == service.Service.Record.Sid;
            if (isStale && Committed.Services.TryGetValue(service.Service.Record.Id, out var image))
                Committed = Committed.With(image with { Version = image.Version + 1 });
        }
        if (only is null && writes.DirectoryVersion is not null)
            Committed = Committed with { DirectoryVersion = Committed.DirectoryVersion + 1 };
    }
}
