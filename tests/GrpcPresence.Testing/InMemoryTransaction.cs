using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Testing;

/// <summary>The write transaction of <see cref="InMemoryPresenceStore"/>: a copy of the image, which the commit returns.</summary>
internal sealed partial class InMemoryTransaction(
    StoreImage image, long id, StoreFaults faults, Action<StoreImage> commit) : IStoreTransaction
{
    private StoreImage _image = image;
    private bool _isOver;

    public long Id => id;

    /// <summary>Whether the next transaction may begin.</summary>
    public bool IsDisposed { get; private set; }

    public ServiceRecord? FindService(ServiceSid service)
    {
        BeginOperation();
        return _image.Find(service)?.Record;
    }

    public ServiceRecord InsertService(ServiceRecord service)
    {
        BeginOperation();
        if (_image.Find(service.Sid) is not null)
            throw new InvalidOperationException($"The SID {service.Sid} is taken.");
        service = service with { Id = NextKey() };
        _image = _image.With(new ServiceImage(service));
        return service;
    }

    public void UpdateService(ServiceRecord service)
    {
        BeginOperation();
        var present = _image.Services[service.Id];
        var timeline = _image.Timelines.Count - 1;
        if (service.Revision > present.Record.Revision && !present.Cuts.ContainsKey(timeline))
            present = present with { Cuts = present.Cuts.Add(timeline, present.Record.Revision) };
        _image = _image.With(present with
        {
            Record = present.Record with
            {
                FriendlyName = service.FriendlyName,
                UpdateTime = service.UpdateTime,
                Configuration = service.Configuration,
                Revision = service.Revision,
                UserCount = service.UserCount,
            },
        });
    }

    public void DeleteService(long serviceId)
    {
        BeginOperation();
        _image = _image.With(_image.Services[serviceId] with { IsDeleted = true });
    }

    public UserRecord? FindUser(long serviceId, UserKey key)
    {
        BeginOperation();
        return _image.Services[serviceId].FindUser(key);
    }

    public UserRecord InsertUser(long serviceId, UserRecord user)
    {
        BeginOperation();
        user = user with { Id = NextKey() };
        _image = _image.With(_image.Services[serviceId].Add(user));
        return user;
    }

    public void UpdateUser(UserRecord user)
    {
        BeginOperation();
        var service = _image.Services.Values.First(service => service.Users.ContainsKey(user.Id));
        _image = _image.With(service.Remove(user.Id).Add(user));
    }

    public void UpdatePresence(UserRecord user)
    {
        BeginOperation();
        var service = _image.Services.Values.First(service => service.Users.ContainsKey(user.Id));
        var stored = service.Users[user.Id];
        // Only what the contract says, so that tests detect code that relies on more.
        stored = stored with
        {
            IsOnline = user.IsOnline,
            LastOnlineTime = user.LastOnlineTime,
            LastAlive = user.LastAlive,
            KnownRevision = user.KnownRevision,
            OnlineRevision = user.OnlineRevision,
            NotifiableRevision = user.NotifiableRevision,
            Revision = user.Revision,
        };
        _image = _image.With(service.Remove(user.Id).Add(stored));
    }

    public void MarkAlive(long serviceId, UserSid user, TimeSpan uptime)
    {
        BeginOperation();
        var service = _image.Services[serviceId];
        if (service.FindUser(new UserKey(user)) is { } stored)
            _image = _image.With(service.Remove(stored.Id).Add(stored with { LastAlive = uptime }));
    }

    public void AddEndedSession(long serviceId, Identity identity, SessionId session, TimeSpan until)
    {
        BeginOperation();
        var service = _image.Services[serviceId];
        var id = service.EndedSessions.TryGetValue((identity, session), out var stored) ? stored.Id : NextKey();
        var later = stored.Until > until ? stored.Until : until;
        _image = _image.With(service with { EndedSessions = service.EndedSessions.SetItem((identity, session), (id, later)) });
    }

    public void RemoveEndedSession(long serviceId, Identity identity, SessionId session)
    {
        BeginOperation();
        var service = _image.Services[serviceId];
        _image = _image.With(service with { EndedSessions = service.EndedSessions.Remove((identity, session)) });
    }

    public void StoreUptime(ServerUptime uptime)
    {
        BeginOperation();
        _image = _image with { Uptime = uptime };
    }

    public void DeleteUser(long serviceId, UserRecord user, Tombstone tombstone)
    {
        BeginOperation();
        var service = _image.Services[serviceId].Remove(user.Id);
        _image = _image.With(service with
        {
            Tombstones = service.Tombstones.Add(tombstone.Revision, tombstone),
            Bindings = service.Bindings.RemoveRange(service.Bindings.Values.Where(b => b.UserSid == user.Sid).Select(b => b.Id)),
        });
    }

    public PushBinding? FindBinding(long serviceId, BindingSid binding)
    {
        BeginOperation();
        return _image.Services[serviceId].Bindings.Values.FirstOrDefault(b => b.Sid == binding);
    }

    public PushBinding? FindBinding(long serviceId, BindingType type, string endpoint)
    {
        BeginOperation();
        return _image.Services[serviceId].Bindings.Values.FirstOrDefault(b => b.Type == type && b.Endpoint == endpoint);
    }

    public PushBinding InsertBinding(long serviceId, long userId, PushBinding binding)
    {
        BeginOperation();
        binding = binding with { Id = NextKey() };
        SetBinding(_image.Services[serviceId], userId, binding);
        return binding;
    }

    public void MoveBinding(PushBinding binding, long userId)
    {
        BeginOperation();
        SetBinding(_image.Services.Values.First(service => service.Bindings.ContainsKey(binding.Id)), userId, binding);
    }

    public void DeleteBinding(PushBinding binding)
    {
        BeginOperation();
        var service = _image.Services.Values.First(service => service.Bindings.ContainsKey(binding.Id));
        _image = _image.With(service with { Bindings = service.Bindings.Remove(binding.Id) });
    }

    public ApiKey? FindApiKey(ApiKeySid sid)
    {
        BeginOperation();
        return _image.ApiKeys.Values.FirstOrDefault(key => key.Sid == sid);
    }

    public ApiKey? FindApiKey(string certificateName)
    {
        BeginOperation();
        return _image.ApiKeys.Values.FirstOrDefault(key => key.CertificateName == certificateName && !key.IsRevoked);
    }

    public (int InForce, int Revoked) CountApiKeys(ServiceSid? scope)
    {
        BeginOperation();
        var keys = _image.ApiKeys.Values.Where(key => key.Scope == scope).ToList();
        return (keys.Count(key => !key.IsRevoked), keys.Count(key => key.IsRevoked));
    }

    public IReadOnlyList<ApiKey> ListApiKeysInForce(ServiceSid scope)
    {
        BeginOperation();
        return [.. _image.ApiKeys.Values.Where(key => key.Scope == scope && !key.IsRevoked)];
    }

    public ApiKey? DeleteOldestRevokedApiKey(ServiceSid? scope)
    {
        BeginOperation();
        var oldest = _image.ApiKeys.Values.Where(key => key.Scope == scope && key.IsRevoked)
            .OrderBy(key => key.RevokeTime).ThenBy(key => key.Id).FirstOrDefault();
        if (oldest is not null)
            _image = _image with { ApiKeys = _image.ApiKeys.Remove(oldest.Id) };
        return oldest;
    }

    public ApiKey InsertApiKey(ApiKey key)
    {
        BeginOperation();
        key = key with { Id = NextKey() };
        _image = _image with { ApiKeys = _image.ApiKeys.Add(key.Id, key) };
        return key;
    }

    public void UpdateApiKey(ApiKey key)
    {
        BeginOperation();
        var stored = _image.ApiKeys[key.Id] with
        {
            Secret = key.Secret,
            PreviousSecret = key.PreviousSecret,
            PreviousSecretUntil = key.PreviousSecretUntil,
            RotateTime = key.RotateTime,
            RevokeTime = key.RevokeTime,
        };
        _image = _image with { ApiKeys = _image.ApiKeys.SetItem(key.Id, stored) };
    }

    public int Purge(DateTimeOffset tombstonesBefore, int limit)
    {
        BeginOperation();
        var removed = 0;
        foreach (var service in _image.Services.Values)
        {
            var left = service;
            if (left.IsDeleted)
            {
                var bindings = left.Bindings.Keys.Take(limit - removed).ToList();
                left = left with { Bindings = left.Bindings.RemoveRange(bindings) };
                removed += bindings.Count;
                foreach (var userId in left.Users.Keys.Take(limit - removed))
                {
                    left = left.Remove(userId);
                    removed++;
                }
            }
            var old = left.Tombstones.Values.Where(t => left.IsDeleted || t.DeleteTime < tombstonesBefore).Take(limit - removed).ToList();
            removed += old.Count;
            if (old.Count > 0)
            {
                left = left with
                {
                    Tombstones = left.Tombstones.RemoveRange(old.Select(t => t.Revision)),
                    Record = left.Record with { PurgedRevision = Math.Max(left.Record.PurgedRevision, old.Max(t => t.Revision)) },
                };
            }
            var over = left.EndedSessions.Where(e => left.IsDeleted || e.Value.Until <= _image.Uptime.Total).Take(limit - removed).ToList();
            removed += over.Count;
            left = left with { EndedSessions = left.EndedSessions.RemoveRange(over.Select(e => e.Key)) };
            _image = _image.With(left);
            var isEmpty = left.EndedSessions.IsEmpty && left.Bindings.IsEmpty && left.Users.IsEmpty && left.Tombstones.IsEmpty;
            if (left.IsDeleted && isEmpty && removed < limit)
            {
                _image = _image with { Services = _image.Services.Remove(left.Record.Id) };
                removed++;
            }
        }
        return removed;
    }

    public void Commit()
    {
        BeginOperation();
        var fault = faults.TakeCommitFault();
        _isOver = true;
        if (fault != CommitFault.BeforeEffect)
            commit(_image with { LastTransactionId = id });
        if (fault != CommitFault.None)
            throw new StorageException("The commit was made to report failure.");
    }

    public void Dispose()
    {
        IsDisposed = true;
        _isOver = true;
    }

    private long NextKey()
    {
        _image = _image with { LastKey = _image.LastKey + 1 };
        return _image.LastKey;
    }

    private void SetBinding(ServiceImage service, long userId, PushBinding binding)
    {
        var owner = service.Users[userId];
        binding = binding with { UserSid = owner.Sid, Identity = owner.Identity };
        _image = _image.With(service with { Bindings = service.Bindings.SetItem(binding.Id, binding) });
    }

    private void BeginOperation()
    {
        if (_isOver)
            throw new StorageException("The transaction is over.");
        try
        {
            faults.OnOperation();
        }
        catch (StorageException)
        {
            _isOver = true;
            throw;
        }
    }
}
