using System.Runtime.CompilerServices;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>
/// Writes rows to a store through its port, as the writer does, but without deciding anything. Collects the rows of one commit. Never reads
/// its own writes.
/// </summary>
internal sealed class StoreSession
{
    private static readonly ConditionalWeakTable<IPresenceStore, StoreSession> Sessions = [];

    private readonly IPresenceStore _store;
    private readonly Dictionary<long, ServiceSid> _sids = [];
    private readonly Dictionary<long, Pending> _services = [];
    private readonly List<Action<BatchWrites>> _further = [];
    private StoredDirectory? _directory;
    private WriterPosition? _position;
    private long _newServices;
    private long _newApiKeys;

    private StoreSession(IPresenceStore store) => _store = store;

    /// <summary>Returns the only session of the store, which has not collected anything.</summary>
    public static StoreSession Of(IPresenceStore store)
    {
        var session = Sessions.GetValue(store, static opened => new StoreSession(opened));
        session.Discard();
        return session;
    }

    /// <summary>The node of a cluster that commits; null otherwise.</summary>
    public NodeId? Node { get; set; }

    /// <summary>Where the next commit continues. Reopens the store if it must.</summary>
    public WriterPosition Position => _position ??= Wait(_store.ReopenAsync());

    /// <summary>Commits what was collected, under the present generation and the next number.</summary>
    public CommitResult Commit() => Commit(Build());

    /// <summary>Commits prepared writes.</summary>
    public CommitResult Commit(BatchWrites writes)
    {
        try
        {
            var result = Wait(_store.CommitAsync(writes));
            _position = Position with { LastCommit = writes.Number };
            return result;
        }
        catch
        {
            _position = null;
            throw;
        }
        finally
        {
            Discard();
        }
    }

    /// <summary>Returns what was collected as the writes of the next commit.</summary>
    public BatchWrites Build()
    {
        var position = Position;
        var writes = new BatchWrites
        {
            Node = Node,
            Data = position.Identity,
            Generation = position.Generation,
            Number = position.LastCommit + 1,
            DirectoryVersion = _directory?.Version,
        };
        foreach (var pending in _services.Values)
        {
            var service = writes.AddService(pending.Read, pending.Service);
            pending.Fill(service);
            if (!pending.IsNew)
                AddWhatWasRead(service);
        }
        foreach (var add in _further)
            add(writes);
        return writes;
    }

    /// <summary>Reopens the store.</summary>
    public WriterPosition Reopen()
    {
        _position = null;
        return Position;
    }

    /// <summary>Returns the service instance, or null.</summary>
    public ServiceRecord? FindService(ServiceSid sid) => Read(sid).Service?.Record;

    /// <summary>Returns what a batch reads of a service instance.</summary>
    public ServiceRead Read(ServiceSid sid, Action<ServiceKeys>? need = null)
    {
        var keys = new BatchKeys();
        need?.Invoke(keys.Service(sid));
        keys.Service(sid);
        var read = Read(keys).Services[0];
        if (read.Service is { } service)
            _sids[service.Record.Id] = sid;
        return read;
    }

    /// <summary>Returns what a batch reads.</summary>
    public BatchRead Read(BatchKeys keys)
    {
        var read = new BatchRead();
        _store.ReadBatchAsync(keys, read).AsTask().GetAwaiter().GetResult();
        return read;
    }

    public ServiceRecord InsertService(ServiceRecord service)
    {
        var directory = FindDirectory();
        service = service with { Id = directory.NextServiceId + _newServices++, Timeline = directory.Timeline };
        _sids[service.Id] = service.Sid;
        var first = RowKeys.FirstOf(service.Id);
        _services.Add(service.Id, new Pending(new StoredService(service with { Revision = 0, UserCount = 0 }, 0, first, first))
        {
            IsNew = true,
            Service = new StoredService(service, 0, first, first),
        });
        return service;
    }

    public void UpdateService(ServiceRecord service)
    {
        var pending = PendingOf(service.Id);
        pending.Service = pending.Service with { Record = service };
    }

    public void DeleteService(long serviceId)
    {
        FindDirectory();
        PendingOf(serviceId).IsDeleted = true;
    }

    public UserRecord InsertUser(long serviceId, UserRecord user)
    {
        var pending = PendingOf(serviceId);
        user = user with { Id = pending.Service.NextUserId };
        pending.Service = pending.Service with { NextUserId = RowKeys.After(user.Id) };
        pending.Add(writes => writes.NewUsers.Add(user));
        return user;
    }

    public void UpdateUser(UserRecord user) =>
        PendingOf(ServiceOf(user.Id)).Add(writes => writes.ChangedUsers.Add(user));

    public void UpdatePresence(UserRecord user) =>
        PendingOf(ServiceOf(user.Id)).Add(writes => writes.Presences.Add(new PresenceWrite(user.Id, UserPresence.Of(user))));

    public void DeleteUser(long serviceId, UserRecord user, Tombstone tombstone)
    {
        var pending = PendingOf(serviceId);
        pending.Add(writes => writes.DeletedUsers.Add(user.Id));
        pending.Add(writes => writes.Tombstones.Add(tombstone));
    }

    public void AddTombstone(long serviceId, Tombstone tombstone) =>
        PendingOf(serviceId).Add(writes => writes.Tombstones.Add(tombstone));

    public PushBinding InsertBinding(long serviceId, long userId, PushBinding binding)
    {
        var pending = PendingOf(serviceId);
        binding = binding with { Id = pending.Service.NextBindingId };
        pending.Service = pending.Service with { NextBindingId = RowKeys.After(binding.Id) };
        pending.Add(writes => writes.NewBindings.Add(new BindingWrite(binding, userId)));
        return binding;
    }

    public void MoveBinding(PushBinding binding, long userId)
    {
        var pending = PendingOf(ServiceOf(binding.Id));
        pending.Add(writes => writes.DeletedBindings.Add(binding.Id));
        pending.Add(writes => writes.NewBindings.Add(new BindingWrite(binding, userId)));
    }

    public void DeleteBinding(PushBinding binding) =>
        PendingOf(ServiceOf(binding.Id)).Add(writes => writes.DeletedBindings.Add(binding.Id));

    public void AddEndedSession(long serviceId, Identity identity, SessionId session, TimeSpan until) =>
        PendingOf(serviceId).Add(writes =>
            writes.EndedSessions.Add(new EndedSessionWrite(identity, session, IsForgotten: false, until)));

    public void RemoveEndedSession(long serviceId, Identity identity, SessionId session, TimeSpan? until = null) =>
        PendingOf(serviceId).Add(writes =>
            writes.EndedSessions.Add(new EndedSessionWrite(identity, session, IsForgotten: true, until)));

    public void PutWebhook(StoredWebhook webhook) =>
        PendingOf(webhook.ServiceId).Add(writes => writes.Webhook = webhook);

    public void PutNotifications(long serviceId, NotificationSettings settings) =>
        PendingOf(serviceId).Add(writes => writes.Notifications = settings);

    public void MarkAlive(long serviceId, long userId, TimeSpan uptime) =>
        _further.Add(writes => writes.AliveMarks.Add(new AliveMark(serviceId, userId, uptime)));

    public void StoreUptime(ServerUptime uptime) => _further.Add(writes => writes.Uptime = uptime);

    public ApiKey InsertApiKey(ApiKey key)
    {
        var directory = FindDirectory();
        key = key with { Id = directory.NextApiKeyId + _newApiKeys++ };
        _further.Add(writes => writes.NewApiKeys.Add(key));
        return key;
    }

    public void UpdateApiKey(ApiKey key)
    {
        FindDirectory();
        _further.Add(writes => writes.ChangedApiKeys.Add(key));
    }

    public void DeleteApiKey(ApiKey key)
    {
        FindDirectory();
        _further.Add(writes => writes.DeletedApiKeys.Add(key.Id));
    }

    /// <summary>Makes the commit depend on the directory.</summary>
    public void Depend() => FindDirectory();

    /// <summary>Adds further writes to a service instance.</summary>
    public void Add(long serviceId, Action<ServiceWrites> write) => PendingOf(serviceId).Add(write);

    // The service instance is in the high bits of the keys that RowKeys gives.
    private static long ServiceOf(long id) => id >> 36;

    // The port is asynchronous for stores in another process. These tests need no thread meanwhile.
    private static T Wait<T>(ValueTask<T> call) => call.AsTask().GetAwaiter().GetResult();

    // The writer has read the rows that it writes.
    private void AddWhatWasRead(ServiceWrites writes)
    {
        IEnumerable<long> users =
        [
            .. writes.DeletedUsers, .. writes.ChangedUsers.Select(user => user.Id), .. writes.Presences.Select(write => write.UserId),
        ];
        var read = Read(writes.Read.Record.Sid, keys =>
        {
            foreach (var id in users)
                keys.AddUser(new UserLookup(new UserKey(Sample.Identity(0)), id));
            keys.NeedsWebhook = true;
        });
        (writes.UserVersions, writes.ReadPosition) = (read.UserVersions, read.Webhook?.Position);
        writes.ChangesSettings = writes.Webhook is not null || writes.Notifications is not null
            || writes.Service.Record != writes.Read.Record with
            {
                Revision = writes.Service.Record.Revision,
                UserCount = writes.Service.Record.UserCount,
            };
    }

    private void Discard()
    {
        _services.Clear();
        _further.Clear();
        _directory = null;
        (_newServices, _newApiKeys) = (0, 0);
    }

    private StoredDirectory FindDirectory() =>
        _directory ??= Read(new BatchKeys { NeedsDirectory = true }).Directory;

    private Pending PendingOf(long serviceId)
    {
        if (_services.TryGetValue(serviceId, out var pending))
            return pending;
        if (!_sids.TryGetValue(serviceId, out var sid))
            sid = Wait(_store.ListServicesAsync(serviceId - 1, 1, CancellationToken.None)).Single().Sid; // from before a restart
        var service = Read(sid).Service;
        return _services[serviceId] = new Pending(service ?? throw new InvalidOperationException("The service instance does not exist."));
    }

    private sealed class Pending(StoredService read)
    {
        private readonly List<Action<ServiceWrites>> _writes = [];

        public StoredService Read { get; } = read;

        public StoredService Service { get; set; } = read;

        public bool IsNew { get; init; }

        public bool IsDeleted { get; set; }

        public void Add(Action<ServiceWrites> write) => _writes.Add(write);

        public void Fill(ServiceWrites writes)
        {
            (writes.IsNew, writes.IsDeleted) = (IsNew, IsDeleted);
            foreach (var write in _writes)
                write(writes);
        }
    }
}
