using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Testing;

/// <summary>Reads and commits of the writer.</summary>
public sealed partial class InMemoryPresenceStore
{
    public async ValueTask ReadBatchAsync(BatchKeys keys, BatchRead read)
    {
        Interlocked.Increment(ref _countedCalls);
        await BeginAsync();
        var image = ImageFor(StoreMutation.BatchKeepsTheTimeline);
        foreach (var service in keys.Services)
        {
            var row = read.AddService();
            Read(image.Find(service.Sid), service, row);
            if (Mutation == StoreMutation.KeysFromASequence && row.Service is { } found)
                row.Service = found with { NextUserId = RowKeys.Of(found.Record.Id, _shared.TakeKeys()) };
        }
        foreach (var sid in keys.ApiKeys)
            read.ApiKeys.Add(image.ApiKeys.Values.FirstOrDefault(key => key.Sid == sid));
        foreach (var name in keys.CertificateNames)
            read.ApiKeysByName.Add(image.ApiKeys.Values.FirstOrDefault(key => key.CertificateName == name && !key.IsRevoked));
        foreach (var scope in keys.ApiKeyScopes)
            read.ApiKeysByScope.Add([.. image.ApiKeys.Values.Where(key => key.Scope == scope)]);
        if (keys.NeedsDirectory)
        {
            read.Directory = new StoredDirectory(
                image.DirectoryVersion, image.LastServiceId + 1, image.LastApiKeyId + 1, image.Timeline);
        }
        Faults.OnBatchRead();
    }

    public async ValueTask<CommitResult> CommitAsync(BatchWrites writes)
    {
        if (writes.Services.Any() || writes.Switches.Count > 0)
            Interlocked.Increment(ref _countedCalls);
        await BeginAsync();
        if (_writer is null != writes.Node is not null)
            throw new InvalidOperationException("The commits of a node name it, and no others name one.");
        lock (_shared.Gate)
        {
            if (FindRefusal(writes) is { } refusal)
                throw refusal;
            if (_shared.AreRowsHeld(this, writes))
                throw new StorageException("Another commit holds the row of a service instance.");
            if (Faults.TakeStale(out var only))
                Raise(writes, only);
            var fault = Faults.TakeCommitFault();
            if (fault is CommitFault.Late or CommitFault.LateWithRows)
                _shared.Late.Add(new LateCommit(this, LateCommit.Copy(writes), HoldsRows: fault == CommitFault.LateWithRows));
            else if (fault != CommitFault.BeforeEffect && Apply(writes) is var result && fault == CommitFault.None)
                return result;
            throw new StorageException("The commit was made to report failure.");
        }
    }

    public async ValueTask<int> PurgeAsync(DateTimeOffset tombstonesBefore, int limit)
    {
        await BeginAsync();
        lock (_shared.Gate)
        {
            if (_writer is null && Mutation != StoreMutation.PurgeWithoutFence)
                RowOf(Joined);
            var isOfAll = _writer is not null || Mutation == StoreMutation.PurgeByEveryNode;
            (Committed, var removed) = InMemoryPurge.Apply(Committed, tombstonesBefore, limit, isOfAll ? null : Joined);
            return removed;
        }
    }

    // A history reopens a store in vain hundreds of times, and an exception that is thrown takes as long as many commits.
    public ValueTask<WriterPosition> ReopenAsync() => FindCutOff() is { } error
        ? ValueTask.FromException<WriterPosition>(error)
        : ReopenReachedAsync();

    private async ValueTask<WriterPosition> ReopenReachedAsync()
    {
        await BeginAsync();
        await Faults.DelayReopeningAsync();
        lock (_shared.Gate)
        {
            var position = Position;
            position = position with { Generation = position.Generation + 1 };
            Committed = WithPosition(Committed, position);
            return _writer is null ? position with { Identity = Committed.Cluster.Identity } : position;
        }
    }

    /// <summary>The number of commits of all stores with this data that are on their way.</summary>
    public int LateCommits
    {
        get
        {
            lock (_shared.Gate)
                return _shared.Late.Count;
        }
    }

    /// <summary>
    /// Lets one of the late commits land, in any order; the number selects it. Returns whether it happened: not if its writer has reopened
    /// the store since, or its node is no longer active. Returns false if no commit is on its way.
    /// </summary>
    public bool LandLateCommit(int choice)
    {
        lock (_shared.Gate)
        {
            if (_shared.Late.Count == 0)
                return false;
            var late = _shared.Late[choice % _shared.Late.Count];
            _shared.Late.Remove(late);
            if (!late.Store.MayStillCommit(late.Writes))
                return false;
            late.Store.Apply(late.Writes);
            return true;
        }
    }

    /// <summary>Whether a commit could happen now. Call it under the lock of the data.</summary>
    internal bool MayStillCommit(BatchWrites writes) => FindRefusal(writes) is null;

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

    /// <summary>The position of this writer. Throws <see cref="NodeEvictedException"/> if it is a node that is not active.</summary>
    private WriterPosition Position => _writer is { } writer ? Committed.Writers.GetValueOrDefault(writer) : RowOf(Joined).Position;

    private StoreImage WithPosition(StoreImage image, WriterPosition position) => _writer is { } writer
        ? image.With(writer, position)
        : image with { Cluster = image.Cluster.With(image.Cluster.Nodes[Joined.Name] with { Position = position }) };

    private async ValueTask BeginAsync()
    {
        ThrowIfCutOff();
        Faults.OnOperation();
        await Faults.CompleteLaterAsync();
    }

    /// <summary>Returns why a commit may not happen now, or null. An exception that is thrown takes as long as many commits.</summary>
    private StorageException? FindRefusal(BatchWrites writes)
    {
        if (_writer is null && writes.Node != _joined)
            throw new InvalidOperationException("The commit names another node.");
        if (Mutation is StoreMutation.LateCommitHappens)
            return null;
        var isFenceSkipped = _writer is null && Mutation is StoreMutation.CommitWithoutFence or StoreMutation.FenceAfterTheWrite;
        if (_writer is null && !isFenceSkipped && Committed.Cluster.FindActive(Joined) is null)
            return NotActive(Joined);
        if (_writer is null && writes.Data != Committed.Cluster.Identity && Mutation != StoreMutation.CommitInAnyData)
            return new OtherDataException($"The commit names {writes.Data}, and the store holds {Committed.Cluster.Identity}.");
        var position = isFenceSkipped ? Committed.Cluster.Nodes[Joined.Name].Position : Position;
        return writes.Generation == position.Generation && writes.Number == position.LastCommit + 1
            ? null
            : new StorageException("The commit is of an earlier generation of the writer, or its number is not the next one.");
    }

    private CommitResult Apply(BatchWrites writes)
    {
        var before = Committed;
        var (committed, result) = InMemoryCommit.Apply(before, writes, Mutation);
        var position = _writer is { } writer ? committed.Writers.GetValueOrDefault(writer) : committed.Cluster.Nodes[Joined.Name].Position;
        Committed = WithPosition(committed, position with { LastCommit = writes.Number, LastResult = result });
        _shared.Applied?.Invoke(writes, before, committed);
        if (Mutation == StoreMutation.FenceAfterTheWrite)
            _ = Position;
        return result;
    }

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
