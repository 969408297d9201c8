using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Writing;

/// <summary>The commands of one transaction while they are decided. Used only by the writer's thread.</summary>
/// <param name="store">The transaction.</param>
/// <param name="now">The wall time.</param>
/// <param name="usersPerService">The maximum number of users of a service instance.</param>
/// <param name="tombstoneRetention">How long the tombstone of a deleted user is kept.</param>
/// <param name="tracked">The tracked users.</param>
internal sealed class CommandBatch(
    IStoreTransaction store, DateTimeOffset now, int usersPerService, TimeSpan tombstoneRetention, ITrackedUsers tracked)
{
    private readonly Dictionary<ServiceSid, ServiceBatch> _present = [];
    private readonly List<ServiceBatch> _services = [];
    private readonly List<ApiKey> _keys = [];
    private readonly List<ApiKey> _forgottenKeys = [];
    private readonly HashSet<(ServiceSid, Identity)> _deleted = [];

    /// <summary>The transaction.</summary>
    public IStoreTransaction Store => store;

    /// <summary>The wall time of the batch.</summary>
    public DateTimeOffset Now => now;

    /// <summary>The uptime of the server.</summary>
    public TimeSpan Uptime { get; } = tracked.Uptime.GetValueOrDefault();

    /// <summary>How long the tombstone of a deleted user is kept.</summary>
    public TimeSpan TombstoneRetention => tombstoneRetention;

    /// <summary>The tracked users.</summary>
    public ITrackedUsers Tracked => tracked;

    /// <summary>The number of users that were not created because their service instance has the maximum number.</summary>
    public int RejectedUsers { get; private set; }

    /// <summary>Every service instance that the batch has read.</summary>
    public IReadOnlyList<ServiceBatch> Services => _services;

    /// <summary>The API keys that the batch wrote, in the order of writing.</summary>
    public IReadOnlyList<ApiKey> ApiKeys => _keys;

    /// <summary>Returns the service instance, or null.</summary>
    public ServiceBatch? FindService(ServiceSid sid)
    {
        if (_present.TryGetValue(sid, out var service))
            return service.IsDeleted ? null : service;
        return store.FindService(sid) is { } record ? Add(new ServiceBatch(record)) : null;
    }

    /// <summary>Returns the service instance; throws ServiceInstanceNotFound if it does not exist.</summary>
    public ServiceBatch Service(ServiceSid sid) => FindService(sid) ?? throw PresenceErrors.ServiceInstanceNotFound(sid);

    /// <summary>Returns the user; throws UserNotFound if it does not exist.</summary>
    public UserRecord User(ServiceBatch service, UserKey key) =>
        store.FindUser(service.Record.Id, key) ?? throw PresenceErrors.UserNotFound(key);

    /// <summary>Adds a service instance that this batch creates.</summary>
    public ServiceBatch Add(ServiceBatch service)
    {
        _present[service.Record.Sid] = service;
        _services.Add(service);
        return service;
    }

    /// <summary>Notes an API key that this batch wrote.</summary>
    public ApiKey Add(ApiKey key)
    {
        _keys.Add(key);
        return key;
    }

    /// <summary>The API keys that the batch removed. All of them were revoked.</summary>
    public IReadOnlyList<ApiKey> ForgottenApiKeys => _forgottenKeys;

    /// <summary>Notes an API key that this batch removed.</summary>
    public void Forget(ApiKey key) => _forgottenKeys.Add(key);

    /// <summary>Throws if the API key is no longer in force. The caller may have authenticated with it before it was revoked.</summary>
    public void RequireInForce(ApiKeySid sid)
    {
        if (store.FindApiKey(sid) is null or { IsRevoked: true })
            throw PresenceErrors.ApiKeyRevoked(sid);
    }

    /// <summary>Revokes an API key that is in force.</summary>
    public ApiKey Revoke(ApiKey key)
    {
        key = key with { RevokeTime = now };
        store.UpdateApiKey(key);
        return Add(key);
    }

    /// <summary>
    /// Returns a user with the service instance's next revision, not stored yet. Throws QuotaExceeded if the maximum number of users
    /// exists.
    /// </summary>
    public UserRecord NewUser(ServiceBatch service, Identity identity)
    {
        if (service.Record.UserCount >= usersPerService)
        {
            RejectedUsers++;
            throw PresenceErrors.QuotaExceeded(Quota.Users, QuotaSubject.ServiceInstance, usersPerService, Limits.LevelQuotaRetry);
        }
        return new UserRecord
        {
            Sid = RandomSids.NewUserSid(),
            Identity = identity,
            RoleSid = service.Record.Configuration.DefaultServiceRoleSid,
            CreateTime = now,
            UpdateTime = now,
            CreatedRevision = service.NextRevision,
            Revision = service.NextRevision,
        };
    }

    /// <summary>Stores a new user, which takes the service instance's next revision, and returns it with its key.</summary>
    public UserRecord Insert(ServiceBatch service, UserRecord user)
    {
        service.TakeRevision(users: 1);
        return store.InsertUser(service.Record.Id, user);
    }

    /// <summary>Removes a user. Its tombstone takes the service instance's next revision.</summary>
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

    /// <summary>Writes the changed service instances.</summary>
    public void Flush()
    {
        foreach (var service in _services)
        {
            if (service.IsChanged && !service.IsDeleted)
                store.UpdateService(service.Record);
        }
    }
}
