using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Writing.Overlay;

namespace GrpcPresence.Core.Writing;

/// <summary>The commands of one commit while they are decided, in memory. Used only by the writer's thread.</summary>
internal sealed class CommandBatch
{
    private readonly Dictionary<ServiceSid, ServiceBatch> _present = [];
    private readonly List<ServiceBatch> _services = [];
    private readonly List<AliveMark> _aliveMarks = [];
    private readonly HashSet<(ServiceSid, Identity)> _deleted = [];
    private readonly WriterSettings _settings;
    private readonly BatchKeys _keys;
    private readonly OverlayPool _overlays;
    private readonly StoredDirectory _directory;
    private long _nextServiceId;

    /// <summary>Begins with what was read.</summary>
    /// <param name="keys">What was to be read.</param>
    /// <param name="read">The answers.</param>
    /// <param name="overlays">Lends the overlays.</param>
    /// <param name="settings">The settings of the writer.</param>
    /// <param name="now">The wall time.</param>
    /// <param name="tracked">The tracked users.</param>
    public CommandBatch(
        BatchKeys keys, BatchRead read, OverlayPool overlays, WriterSettings settings, DateTimeOffset now, ITrackedUsers tracked)
    {
        (_keys, _overlays, _settings, _directory) = (keys, overlays, settings, read.Directory);
        (Now, Tracked, Uptime) = (now, tracked, tracked.Uptime.GetValueOrDefault());
        _nextServiceId = _directory.NextServiceId;
        ApiKeys = new ApiKeyOverlay(keys, read);
        for (var i = 0; i < keys.Services.Count; i++)
        {
            if (read.Services[i].Service is not { } service)
                continue;
            var rows = overlays.Rent();
            rows.Begin(keys.Services[i], read.Services[i]);
            Add(new ServiceBatch(service, rows));
        }
    }

    /// <summary>The wall time of the batch.</summary>
    public DateTimeOffset Now { get; }

    /// <summary>The uptime of the server.</summary>
    public TimeSpan Uptime { get; }

    /// <summary>How long the tombstone of a deleted user is kept.</summary>
    public TimeSpan TombstoneRetention => _settings.TombstoneRetention;

    /// <summary>The tracked users.</summary>
    public ITrackedUsers Tracked { get; }

    /// <summary>Every service instance that the batch has read or created.</summary>
    public IReadOnlyList<ServiceBatch> Services => _services;

    /// <summary>
    /// The generation of the cache of service instances before the batch was read. When the store has lost commits meanwhile, what the
    /// batch has read and committed is outdated in the cache.
    /// </summary>
    public int CacheGeneration { get; init; }

    /// <summary>
    /// The data that the node knew before the batch was read; default outside of a cluster. The store writes nothing of the batch to other
    /// data.
    /// </summary>
    public DataIdentity Data { get; init; }

    /// <summary>The shards to which the batch writes, each once; empty outside of a cluster.</summary>
    public List<ShardEpoch> Shards { get; } = [];

    /// <summary>The shards that the batch gives to other nodes, each once.</summary>
    public List<ShardSwitch> Switches { get; } = [];

    /// <summary>The API keys.</summary>
    public ApiKeyOverlay ApiKeys { get; }

    /// <summary>Returns the service instance, or null.</summary>
    public ServiceBatch? FindService(ServiceSid sid) => _present.TryGetValue(sid, out var service) && !service.IsDeleted ? service : null;

    /// <summary>Returns the service instance; throws ServiceInstanceNotFound if it does not exist.</summary>
    public ServiceBatch Service(ServiceSid sid) => FindService(sid) ?? throw PresenceErrors.ServiceInstanceNotFound(sid);

    /// <summary>Returns the user; throws UserNotFound if it does not exist.</summary>
    public static UserRecord User(ServiceBatch service, UserKey key) =>
        service.Rows.FindUser(key) ?? throw PresenceErrors.UserNotFound(key);

    /// <summary>Adds a service instance that this batch creates, under the next key, and returns it with that.</summary>
    public ServiceRecord Insert(ServiceRecord service)
    {
        service = service with { Id = _nextServiceId++, Timeline = _directory.Timeline };
        var rows = _overlays.Rent();
        rows.BeginNew(_keys.Service(service.Sid), service.Id);
        var first = RowKeys.FirstOf(service.Id);
        Add(new ServiceBatch(new StoredService(service, Version: 0, first, first), rows) { IsNew = true });
        return service;
    }

    /// <summary>Throws if the API key is no longer in force. The caller may have authenticated with it before it was revoked.</summary>
    public void RequireInForce(ApiKeySid sid)
    {
        if (ApiKeys.Find(sid) is null or { IsRevoked: true })
            throw PresenceErrors.ApiKeyRevoked(sid);
    }

    /// <summary>Revokes an API key that is in force.</summary>
    public ApiKey Revoke(ApiKey key)
    {
        key = key with { RevokeTime = Now };
        ApiKeys.Update(key);
        return key;
    }

    /// <summary>
    /// Returns a user with the service instance's next revision, not stored yet. Throws QuotaExceeded if the maximum number of users
    /// exists.
    /// </summary>
    public UserRecord NewUser(ServiceBatch service, Identity identity)
    {
        if (service.UserCount >= _settings.UsersPerService)
        {
            service.RejectedUsers++;
            throw PresenceErrors.QuotaExceeded(
                Quota.Users, QuotaSubject.ServiceInstance, _settings.UsersPerService, Limits.LevelQuotaRetry);
        }
        return new UserRecord
        {
            Sid = RandomSids.NewUserSid(),
            Identity = identity,
            RoleSid = service.Configuration.DefaultServiceRoleSid,
            CreateTime = Now,
            UpdateTime = Now,
            CreatedRevision = service.NextRevision,
            Revision = service.NextRevision,
        };
    }

    /// <summary>Adds a new user, which takes the service instance's next revision, and returns it with its key.</summary>
    public static UserRecord Insert(ServiceBatch service, UserRecord user)
    {
        service.TakeRevision(users: 1);
        return service.Rows.Insert(user);
    }

    /// <summary>Removes a user. Its tombstone takes the service instance's next revision.</summary>
    public void Delete(ServiceBatch service, UserRecord user)
    {
        service.TakeRevision(users: -1);
        var tombstone = new Tombstone(user.Sid, user.Identity, service.Revision, Now);
        service.Rows.Delete(user, tombstone);
        _deleted.Add((service.Sid, user.Identity));
        service.Add(tombstone, user.Revision);
    }

    /// <summary>Whether a user with this identity is deleted in this batch.</summary>
    public bool IsDeletedHere(ServiceSid service, Identity identity) => _deleted.Count > 0 && _deleted.Contains((service, identity));

    /// <summary>Notes that a user is alive. Does nothing if the user does not exist when the batch is committed.</summary>
    public void MarkAlive(long serviceId, long userId) => _aliveMarks.Add(new AliveMark(serviceId, userId, Uptime));

    /// <summary>
    /// Returns the number of users that were not created because their service instance has the maximum number, without those that are
    /// decided again.
    /// </summary>
    public int CountRejectedUsers(CommitResult result) =>
        _services.Sum(service => service.RejectedUsers > 0 && !result.IsStale(service.Sid) ? service.RejectedUsers : 0);

    /// <summary>Moves what is to be published to the revisions and keys that the commit stored.</summary>
    public void Settle(CommitResult result)
    {
        foreach (var service in _services)
            service.Settle(result);
    }

    /// <summary>
    /// How far the commit moved the revisions and keys that commands took in the service instance. Nothing for one that does not exist.
    /// </summary>
    public CounterShift ShiftOf(ServiceSid sid) => _present.TryGetValue(sid, out var service) ? service.Shift : default;

    /// <summary>Adds the final rows to the commit.</summary>
    public void WriteTo(BatchWrites writes)
    {
        writes.UsersPerService = _settings.UsersPerService;
        foreach (var service in _services)
            service.WriteTo(writes);
        ApiKeys.WriteTo(writes);
        writes.AliveMarks.AddRange(_aliveMarks);
        writes.Shards.AddRange(Shards);
        writes.Switches.AddRange(Switches);
        writes.DirectoryVersion = _keys.NeedsDirectory ? _directory.Version : null;
    }

    private void Add(ServiceBatch service)
    {
        _present[service.Sid] = service;
        _services.Add(service);
    }
}
