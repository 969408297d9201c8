using System.Collections.Immutable;
using GrpcPresence.Core.Changes.Store;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Core.Tests.Presence.Fixture;

/// <summary>Users and service instances in memory: as much of the storage port as presence needs. Fails when it is told to.</summary>
internal sealed class StubStore : IPresenceStore, IStoreTransaction
{
    private sealed record Data(
        ImmutableDictionary<ServiceSid, ServiceRecord> Services, ImmutableDictionary<(long, Identity), UserRecord> Users, long LastId);

    private Data _committed = new(
        ImmutableDictionary<ServiceSid, ServiceRecord>.Empty, ImmutableDictionary<(long, Identity), UserRecord>.Empty, 0);

    private Data _pending;

    public StubStore() => _pending = _committed;

    /// <summary>No transaction begins.</summary>
    public bool IsDown { get; set; }

    /// <summary>Transactions begin, and no commit succeeds.</summary>
    public bool FailsCommits { get; set; }

    /// <summary>No read succeeds.</summary>
    public bool FailsReads { get; set; }

    /// <summary>How many reads were begun.</summary>
    public int Reads { get; private set; }

    public long Id { get; private set; }

    private long CommittedId { get; set; }

    public UserRecord? UserOf(long serviceId, Identity identity) => _committed.Users.GetValueOrDefault((serviceId, identity));

    public ServiceRecord Add(ServiceRecord service)
    {
        _pending = _committed;
        var added = InsertService(service);
        _committed = _pending;
        return added;
    }

    public void Add(long serviceId, UserRecord user)
    {
        _pending = _committed;
        InsertUser(serviceId, user);
        _committed = _pending;
    }

    public IStoreTransaction BeginTransaction()
    {
        if (IsDown)
            throw Fault();
        _pending = _committed;
        Id++;
        return this;
    }

    public long Reopen() => IsDown ? throw Fault() : CommittedId;

    public void Maintain(bool idle)
    {
    }

    public void Commit()
    {
        if (FailsCommits)
            throw Fault();
        _committed = _pending;
        CommittedId = Id;
    }

    public void Dispose()
    {
    }

    public ServiceRecord? FindService(ServiceSid service) => _pending.Services.GetValueOrDefault(service);

    public ServiceRecord InsertService(ServiceRecord service)
    {
        var added = service with { Id = _pending.LastId + 1 };
        _pending = _pending with { Services = _pending.Services.Add(service.Sid, added), LastId = added.Id };
        return added;
    }

    public void UpdateService(ServiceRecord service) =>
        _pending = _pending with { Services = _pending.Services.SetItem(service.Sid, service) };

    public void DeleteService(long serviceId) =>
        _pending = _pending with { Services = _pending.Services.RemoveRange(_pending.Services.Values.Where(s => s.Id == serviceId).Select(s => s.Sid)) };

    public UserRecord? FindUser(long serviceId, UserKey key) => Find(_pending, serviceId, key);

    public UserRecord InsertUser(long serviceId, UserRecord user)
    {
        var added = user with { Id = _pending.LastId + 1 };
        _pending = _pending with { Users = _pending.Users.Add((serviceId, user.Identity), added), LastId = added.Id };
        return added;
    }

    public void UpdateUser(UserRecord user)
    {
        var key = _pending.Users.Single(pair => pair.Value.Id == user.Id).Key;
        _pending = _pending with { Users = _pending.Users.SetItem(key, user) };
    }

    public void DeleteUser(long serviceId, UserRecord user, Tombstone tombstone) =>
        _pending = _pending with { Users = _pending.Users.Remove((serviceId, user.Identity)) };

    public int Purge(DateTimeOffset tombstonesBefore, int limit) => 0;

    public ValueTask<ServiceRecord?> FindServiceAsync(ServiceSid service, CancellationToken cancellationToken) =>
        new(Read().Services.GetValueOrDefault(service));

    public ValueTask<UsersRead> FindUsersAsync(ServiceSid service, IReadOnlyList<UserKey> keys, CancellationToken cancellationToken)
    {
        var data = Read();
        var record = data.Services.GetValueOrDefault(service) ?? throw Refusals.ServiceInstanceNotFound(service);
        var users = keys.Distinct().Select(key => Find(data, record.Id, key)).OfType<UserRecord>()
            .Select(user => UserState.Of(service, user, record.Configuration));
        return new(new UsersRead(record, [.. users]));
    }

    public ValueTask<IReadOnlyList<StoredOnlineUser>> ListOnlineUsersAsync(long afterId, int limit, CancellationToken cancellationToken)
    {
        var data = Read();
        var services = data.Services.Values.ToDictionary(service => service.Id);
        return new([.. data.Users
            .Where(pair => pair.Value.Id > afterId && pair.Value.IsOnline && pair.Value.IsKnown(services[pair.Key.Item1].Configuration))
            .OrderBy(pair => pair.Value.Id)
            .Take(limit)
            .Select(pair => new StoredOnlineUser(pair.Value.Id, services[pair.Key.Item1].Sid, pair.Value.Sid, pair.Value.Identity))]);
    }

    private static UserRecord? Find(Data data, long serviceId, UserKey key) => key.IsSid
        ? data.Users.SingleOrDefault(pair => pair.Key.Item1 == serviceId && pair.Value.Sid == key.Sid).Value
        : data.Users.GetValueOrDefault((serviceId, key.Identity));

    private Data Read()
    {
        Reads++;
        return FailsReads ? throw Fault() : _committed;
    }

    private static StorageException Fault() => new("The stub was told to fail.");

    // Presence needs none of these.
    public PushBinding? FindBinding(long serviceId, BindingSid binding) => throw new NotSupportedException();

    public PushBinding? FindBinding(long serviceId, BindingType type, string endpoint) => throw new NotSupportedException();

    public PushBinding InsertBinding(long serviceId, long userId, PushBinding binding) => throw new NotSupportedException();

    public void MoveBinding(PushBinding binding, long userId) => throw new NotSupportedException();

    public void DeleteBinding(PushBinding binding) => throw new NotSupportedException();

    public ValueTask<IReadOnlyList<ServiceRecord>> ListServicesAsync(long afterId, int limit, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<UsersRead> ListUsersAsync(ServiceSid service, long afterId, int limit, bool? online, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<UsersRead> ListKnownUsersAsync(
        ServiceSid service, long afterId, int limit, long knownSince, long upToRevision, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<ChangesRead> ListChangesAsync(ServiceSid service, long afterRevision, int limit, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<ChangesRead> FindChangesAsync(
        ServiceSid service, IReadOnlyList<UserKey> keys, long afterRevision, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<PushBinding?> FindBindingAsync(ServiceSid service, BindingSid binding, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<IReadOnlyList<PushBinding>> ListBindingsAsync(
        ServiceSid service, UserKey? user, long afterId, int limit, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Guid TimelineOf(ServiceRecord service) => throw new NotSupportedException();

    public ValueTask<long?> FindTimelineEndAsync(ServiceRecord service, Guid timeline, CancellationToken cancellationToken) =>
        throw new NotSupportedException();
}
