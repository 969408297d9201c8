using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Writing;

/// <summary>The changes of one transaction while they are decided. Used by the writer's thread alone.</summary>
/// <param name="store">The transaction.</param>
/// <param name="sids">Makes new SIDs.</param>
/// <param name="now">The wall time.</param>
/// <param name="usersPerService">The users that a service instance may have.</param>
internal sealed class CommandBatch(IStoreTransaction store, ISidGenerator sids, DateTimeOffset now, int usersPerService)
{
    private readonly Dictionary<ServiceSid, ServiceBatch> _present = [];
    private readonly List<ServiceBatch> _slots = [];
    private readonly List<ApiKey> _keys = [];
    private readonly List<ApiKey> _forgottenKeys = [];
    private readonly HashSet<(ServiceSid, Identity)> _deleted = [];

    /// <summary>The transaction.</summary>
    public IStoreTransaction Store => store;

    /// <summary>New SIDs.</summary>
    public ISidGenerator Sids => sids;

    /// <summary>The wall time of the batch.</summary>
    public DateTimeOffset Now => now;

    /// <summary>How many users were not created because their service instance may have no more.</summary>
    public int RefusedUsers { get; private set; }

    /// <summary>Every service instance that the batch met.</summary>
    public IReadOnlyList<ServiceBatch> Slots => _slots;

    /// <summary>The API keys that the batch wrote, in the order of the writing.</summary>
    public IReadOnlyList<ApiKey> ApiKeys => _keys;

    /// <summary>The service instance; null when there is none.</summary>
    public ServiceBatch? FindService(ServiceSid sid)
    {
        if (_present.TryGetValue(sid, out var slot))
            return slot.IsDeleted ? null : slot;
        return store.FindService(sid) is { } record ? Add(new ServiceBatch(record)) : null;
    }

    /// <summary>The service instance; a refusal when there is none.</summary>
    public ServiceBatch Service(ServiceSid sid) => FindService(sid) ?? throw PresenceErrors.ServiceInstanceNotFound(sid);

    /// <summary>The user; a refusal when there is none.</summary>
    public UserRecord User(ServiceBatch service, UserKey key) =>
        store.FindUser(service.Record.Id, key) ?? throw PresenceErrors.UserNotFound(key);

    /// <summary>Adds a service instance that this batch creates.</summary>
    public ServiceBatch Add(ServiceBatch slot)
    {
        _present[slot.Record.Sid] = slot;
        _slots.Add(slot);
        return slot;
    }

    /// <summary>Notes an API key that this batch wrote.</summary>
    public ApiKey Add(ApiKey key)
    {
        _keys.Add(key);
        return key;
    }

    /// <summary>The API keys that the batch removed: revoked ones.</summary>
    public IReadOnlyList<ApiKey> ForgottenApiKeys => _forgottenKeys;

    /// <summary>Notes an API key that this batch removed.</summary>
    public void Forget(ApiKey key) => _forgottenKeys.Add(key);

    /// <summary>A refusal when the API key is not in force any more: who asked for the change by it was let in before it ended.</summary>
    public void RequireInForce(ApiKeySid sid)
    {
        if (store.FindApiKey(sid) is null or { IsRevoked: true })
            throw PresenceErrors.ApiKeyRevoked(sid);
    }

    /// <summary>Ends an API key that is in force.</summary>
    public ApiKey Revoke(ApiKey key)
    {
        key = key with { RevokeTime = now };
        store.UpdateApiKey(key);
        return Add(key);
    }

    /// <summary>A user that takes the service instance's next revision; not stored yet. A refusal when there may be no more users.</summary>
    public UserRecord NewUser(ServiceBatch service, Identity identity)
    {
        if (service.Record.UserCount >= usersPerService)
        {
            RefusedUsers++;
            throw PresenceErrors.QuotaExceeded(Quota.Users, QuotaSubject.ServiceInstance, usersPerService, Limits.LevelQuotaRetry);
        }
        return new UserRecord
        {
            Sid = sids.NewUserSid(),
            Identity = identity,
            RoleSid = service.Record.Configuration.DefaultServiceRoleSid,
            CreateTime = now,
            UpdateTime = now,
            CreatedRevision = service.NextRevision,
            Revision = service.NextRevision,
        };
    }

    /// <summary>Stores a new user, who takes the service instance's next revision, and returns it with its key.</summary>
    public UserRecord Insert(ServiceBatch service, UserRecord user)
    {
        service.TakeRevision(users: 1);
        return store.InsertUser(service.Record.Id, user);
    }

    /// <summary>Removes a user, whose tombstone takes the service instance's next revision.</summary>
    public void Delete(ServiceBatch service, UserRecord user)
    {
        service.TakeRevision(users: -1);
        var tombstone = new Tombstone(user.Sid, user.Identity, service.Record.Revision, now);
        store.DeleteUser(service.Record.Id, user, tombstone);
        _deleted.Add((service.Record.Sid, user.Identity));
        service.Add(tombstone, user.Revision);
    }

    /// <summary>Whether a user with this identity is deleted in this batch.</summary>
    public bool IsDeletedHere(ServiceSid service, Identity identity) => _deleted.Count > 0 && _deleted.Contains((service, identity));

    /// <summary>Writes back the service instances that were changed.</summary>
    public void Flush()
    {
        foreach (var slot in _slots)
        {
            if (slot.IsChanged && !slot.IsDeleted)
                store.UpdateService(slot.Record);
        }
    }
}
