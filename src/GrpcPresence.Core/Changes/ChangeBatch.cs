using GrpcPresence.Core.Access;
using GrpcPresence.Core.Changes.Store;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Core.Changes;

/// <summary>The changes of one transaction while they are decided. Used by the writer's thread alone.</summary>
internal sealed class ChangeBatch(IStoreTransaction store, ISidGenerator sids, DateTimeOffset now)
{
    private readonly Dictionary<ServiceSid, ServiceSlot> _present = [];
    private readonly List<ServiceSlot> _slots = [];
    private readonly List<ApiKey> _keys = [];
    private readonly HashSet<(ServiceSid, Identity)> _deleted = [];

    /// <summary>The transaction.</summary>
    public IStoreTransaction Store => store;

    /// <summary>New SIDs.</summary>
    public ISidGenerator Sids => sids;

    /// <summary>The wall time of the batch.</summary>
    public DateTimeOffset Now => now;

    /// <summary>Every service instance that the batch met.</summary>
    public IReadOnlyList<ServiceSlot> Slots => _slots;

    /// <summary>The API keys that the batch wrote, in the order of the writing.</summary>
    public IReadOnlyList<ApiKey> ApiKeys => _keys;

    /// <summary>The service instance; null when there is none.</summary>
    public ServiceSlot? FindService(ServiceSid sid)
    {
        if (_present.TryGetValue(sid, out var slot))
            return slot.IsDeleted ? null : slot;
        return store.FindService(sid) is { } record ? Add(new ServiceSlot(record)) : null;
    }

    /// <summary>The service instance; a refusal when there is none.</summary>
    public ServiceSlot Service(ServiceSid sid) => FindService(sid) ?? throw Refusals.ServiceInstanceNotFound(sid);

    /// <summary>The user; a refusal when there is none.</summary>
    public UserRecord User(ServiceSlot service, UserKey key) =>
        store.FindUser(service.Record.Id, key) ?? throw Refusals.UserNotFound(key);

    /// <summary>Adds a service instance that this batch creates.</summary>
    public ServiceSlot Add(ServiceSlot slot)
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

    /// <summary>Ends an API key that is in force.</summary>
    public ApiKey Revoke(ApiKey key)
    {
        key = key with { RevokeTime = now };
        store.UpdateApiKey(key);
        return Add(key);
    }

    /// <summary>A user that takes the service instance's next revision; not stored yet.</summary>
    public UserRecord NewUser(ServiceSlot service, Identity identity) => new()
    {
        Sid = sids.NewUserSid(),
        Identity = identity,
        RoleSid = service.Record.Configuration.DefaultServiceRoleSid,
        CreateTime = now,
        UpdateTime = now,
        CreatedRevision = service.NextRevision,
        Revision = service.NextRevision,
    };

    /// <summary>Notes that the user with this identity is deleted in this batch.</summary>
    public void NoteDeleted(ServiceSid service, Identity identity) => _deleted.Add((service, identity));

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
