using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Core.Writing.Overlay;

/// <summary>
/// The rows of one service instance that a batch has read, with the batch's own writes. Commands decide on it, and at the end it holds the
/// final rows. It finds a user and a push binding by each of their keys. A lookup of a key that no command has collected throws: the answer
/// would be that nothing exists. Kept for the next batch. Used only by the writer's thread.
/// </summary>
internal sealed class ServiceOverlay
{
    // The value is null for a key that was collected and has no row.
    private readonly Dictionary<Identity, UserEntry?> _byIdentity = [];
    private readonly Dictionary<UserSid, UserEntry?> _bySid = [];
    private readonly Dictionary<long, UserEntry> _byId = [];
    private readonly Dictionary<BindingSid, BindingEntry?> _bindingsBySid = [];
    private readonly Dictionary<(BindingType Type, string Endpoint), BindingEntry?> _bindingsByAddress = [];
    private readonly Dictionary<long, BindingEntry> _bindingsById = [];
    private readonly Dictionary<(Identity User, SessionId Session), EndedSessionWrite> _endedSessions = [];
    private readonly List<UserEntry> _users = []; // the first ones are of this batch, the others wait for the next
    private readonly List<Tombstone> _tombstones = [];
    private int _userCount;
    private long _nextUserId;
    private long _nextBindingId;
    private StoredWebhook? _webhook;
    private StoredWebhook? _readWebhook;
    private Dictionary<long, long>? _userVersions;
    private NotificationSettings? _notifications;
    private bool _isWebhookRead;
    private bool _isWebhookChanged;
    private bool _areNotificationsChanged;
    private bool _isChanged;

    /// <summary>The webhook settings; null if they were never set.</summary>
    public StoredWebhook? Webhook
    {
        get => _isWebhookRead ? _webhook : throw NotCollected.Error("the webhook settings");
        set => (_webhook, _isWebhookChanged, _isChanged) = (value, true, true);
    }

    /// <summary>The notification settings; the defaults if they were never set.</summary>
    public NotificationSettings Notifications
    {
        get => _notifications ?? throw NotCollected.Error("the notification settings");
        set => (_notifications, _areNotificationsChanged, _isChanged) = (value, true, true);
    }

    /// <summary>Whether the batch wrote any row.</summary>
    public bool IsChanged => _isChanged;

    /// <summary>Begins with a service instance that exists.</summary>
    public void Begin(ServiceKeys keys, ServiceRead read)
    {
        var service = read.Service!;
        Clear(service.NextUserId, service.NextBindingId);
        _userVersions = read.UserVersions;
        if (keys.NeedsWebhook)
            (_webhook, _readWebhook, _isWebhookRead) = (read.Webhook, read.Webhook, true);
        if (keys.NeedsNotifications)
            _notifications = read.Notifications;

        // Whole users first, so that a user of which both are read is whole.
        for (var i = 0; i < keys.Users.Count; i++)
            AddRead(keys.Users[i], read.Users[i] is { } user ? EntryOf(user) : null);
        for (var i = 0; i < keys.Bindings.Count; i++)
            _bindingsBySid[keys.Bindings[i]] = EntryOf(read.Bindings[i]);
        for (var i = 0; i < keys.Addresses.Count; i++)
            _bindingsByAddress[keys.Addresses[i]] = EntryOf(read.BindingsByAddress[i]);
        for (var i = 0; i < keys.Presences.Count; i++)
        {
            var found = read.Presences[i];
            AddRead(keys.Presences[i], found.Id == 0 ? null : EntryOf(found));
        }
    }

    /// <summary>Begins with a service instance that the batch creates, in which nothing exists.</summary>
    public void BeginNew(ServiceKeys keys, long serviceId)
    {
        Clear(RowKeys.FirstOf(serviceId), RowKeys.FirstOf(serviceId));
        _isWebhookRead = keys.NeedsWebhook;
        _notifications = keys.NeedsNotifications ? new NotificationSettings() : null;
        foreach (var user in keys.Users)
            AddRead(user with { Id = 0 }, null);
        foreach (var user in keys.Presences)
            AddRead(user with { Id = 0 }, null);
        foreach (var binding in keys.Bindings)
            _bindingsBySid[binding] = null;
        foreach (var address in keys.Addresses)
            _bindingsByAddress[address] = null;
    }

    /// <summary>Returns the whole user, or null.</summary>
    public UserRecord? FindUser(UserKey key)
    {
        var entry = key.IsSid
            ? _bySid.TryGetValue(key.Sid, out var bySid) ? bySid : throw NotCollected.Error(key)
            : _byIdentity.TryGetValue(key.Identity, out var byIdentity) ? byIdentity : throw NotCollected.Error(key);
        return entry is null ? null : entry.Record ?? throw NotCollected.Error(key);
    }

    /// <summary>
    /// Returns the user, whole or its presence alone, or null; <see cref="UserEntry.Unknown"/> if the store did not find it by its key.
    /// </summary>
    public UserEntry? FindPresence(Identity identity) =>
        _byIdentity.TryGetValue(identity, out var entry) ? entry : throw NotCollected.Error(identity);

    /// <summary>Adds a user under the next key, and returns it with that.</summary>
    public UserRecord Insert(UserRecord user)
    {
        user = user with { Id = _nextUserId };
        _nextUserId = RowKeys.After(_nextUserId);
        var entry = NextEntry();
        entry.Begin(user, isNew: true);
        Index(entry, user.Identity);
        _isChanged = true;
        return user;
    }

    /// <summary>Replaces a user.</summary>
    public void Update(UserRecord user)
    {
        _byId[user.Id].Change(user);
        _isChanged = true;
    }

    /// <summary>Replaces the presence of a user.</summary>
    public void Update(UserEntry user, in UserPresence presence)
    {
        user.Change(presence);
        _isChanged = true;
    }

    /// <summary>Removes a user and its push bindings, and adds the tombstone.</summary>
    public void Delete(UserRecord user, Tombstone tombstone)
    {
        _byId[user.Id].Delete();
        _byIdentity[user.Identity] = null;
        _bySid[user.Sid] = null;
        _tombstones.Add(tombstone);
        foreach (var binding in _bindingsById.Values)
        {
            if (binding.UserId == user.Id && !binding.IsDeleted)
                Delete(binding);
        }
        _isChanged = true;
    }

    /// <summary>Returns the push binding, or null.</summary>
    public PushBinding? FindBinding(BindingSid sid) =>
        _bindingsBySid.TryGetValue(sid, out var entry) ? entry?.Binding : throw NotCollected.Error(sid);

    /// <summary>Returns the push binding with this address, or null.</summary>
    public PushBinding? FindBinding(BindingType type, string endpoint) =>
        _bindingsByAddress.TryGetValue((type, endpoint), out var entry) ? entry?.Binding : throw NotCollected.Error(type);

    /// <summary>Adds a push binding of the user under the next key, and returns it with that. Does not change the user.</summary>
    public PushBinding InsertBinding(UserRecord user, PushBinding binding)
    {
        binding = binding with { Id = _nextBindingId };
        _nextBindingId = RowKeys.After(_nextBindingId);
        Index(new BindingEntry(binding, user.Id, isNew: true));
        _isChanged = true;
        return binding;
    }

    /// <summary>Moves a push binding to another user. Does not change either user.</summary>
    public void MoveBinding(PushBinding binding, UserRecord user)
    {
        _bindingsById[binding.Id].Move(binding, user.Id);
        _isChanged = true;
    }

    /// <summary>Removes a push binding. Does not change its user.</summary>
    public void DeleteBinding(PushBinding binding)
    {
        Delete(_bindingsById[binding.Id]);
        _isChanged = true;
    }

    /// <summary>Remembers that a session ended, up to an uptime or a later one that is remembered already.</summary>
    public void AddEndedSession(Identity identity, SessionId session, TimeSpan until)
    {
        var write = _endedSessions.GetValueOrDefault((identity, session), new EndedSessionWrite(identity, session, false, null));
        _endedSessions[(identity, session)] = write with { Until = write.Until is { } other && other > until ? other : until };
        _isChanged = true;
    }

    /// <summary>Forgets an ended session.</summary>
    public void RemoveEndedSession(Identity identity, SessionId session)
    {
        _endedSessions[(identity, session)] = new EndedSessionWrite(identity, session, IsForgotten: true, Until: null);
        _isChanged = true;
    }

    /// <summary>Returns the service instance with the next keys after the batch.</summary>
    public StoredService After(ServiceRecord service) => new(service, Version: 0, _nextUserId, _nextBindingId);

    /// <summary>Adds the final rows, and what they depend on, to the commit.</summary>
    public void WriteTo(ServiceWrites writes)
    {
        if (_isWebhookChanged)
            (writes.Webhook, writes.ReadPosition) = (_webhook, _readWebhook?.Position);
        if (_areNotificationsChanged)
            writes.Notifications = _notifications;
        writes.ChangesSettings = _areNotificationsChanged || (_isWebhookChanged && AreSettingsChanged(_webhook!, _readWebhook));
        if (_userVersions is { } versions)
            writes.UserVersions = versions;
        for (var i = 0; i < _userCount; i++)
            Write(_users[i], writes);
        foreach (var binding in _bindingsById.Values)
        {
            if (!binding.IsNew && (binding.IsMoved || binding.IsDeleted))
                writes.DeletedBindings.Add(binding.Binding.Id);
            if (!binding.IsDeleted && (binding.IsMoved || binding.IsNew))
                writes.NewBindings.Add(new BindingWrite(binding.Binding, binding.UserId));
        }
        writes.Tombstones.AddRange(_tombstones);
        writes.EndedSessions.AddRange(_endedSessions.Values);
    }

    // The position alone is compared by itself.
    private static bool AreSettingsChanged(StoredWebhook after, StoredWebhook? before) =>
        before is null || after != before with { Position = after.Position };

    private static void Write(UserEntry user, ServiceWrites writes)
    {
        if (user is { IsNew: true, IsDeleted: false })
            writes.NewUsers.Add(user.Record!);
        else if (user.IsDeleted && !user.IsNew)
            writes.DeletedUsers.Add(user.Id);
        else if (user is { IsNew: false, IsChanged: true })
            writes.ChangedUsers.Add(user.Record!);
        else if (user is { IsNew: false, IsPresenceChanged: true })
            writes.Presences.Add(new PresenceWrite(user.Id, user.Presence));
    }

    private void Clear(long nextUserId, long nextBindingId)
    {
        _byIdentity.Clear();
        _bySid.Clear();
        _byId.Clear();
        _bindingsBySid.Clear();
        _bindingsByAddress.Clear();
        _bindingsById.Clear();
        _endedSessions.Clear();
        _tombstones.Clear();
        for (var i = 0; i < _userCount; i++)
            _users[i].Clear();
        _userCount = 0;
        (_nextUserId, _nextBindingId) = (nextUserId, nextBindingId);
        (_webhook, _readWebhook, _notifications, _userVersions) = (null, null, null, null);
        (_isWebhookRead, _isWebhookChanged, _areNotificationsChanged, _isChanged) = (false, false, false, false);
    }

    /// <summary>Notes what a lookup has found. Keeps an entry that an earlier lookup has found.</summary>
    private void AddRead(UserLookup lookup, UserEntry? found)
    {
        if (lookup.Key.IsSid)
            _bySid.TryAdd(lookup.Key.Sid, found);
        else if (found is null && lookup.Id != 0)
            _byIdentity.TryAdd(lookup.Key.Identity, UserEntry.Unknown);
        else if (!_byIdentity.TryGetValue(lookup.Key.Identity, out var known) || known == UserEntry.Unknown)
            _byIdentity[lookup.Key.Identity] = found;
    }

    private UserEntry EntryOf(UserRecord user)
    {
        if (_byId.TryGetValue(user.Id, out var known))
            return known;
        var entry = NextEntry();
        entry.Begin(user);
        Index(entry, user.Identity);
        return entry;
    }

    private UserEntry EntryOf(in StoredPresence user)
    {
        if (_byId.TryGetValue(user.Id, out var known))
            return known;
        var entry = NextEntry();
        entry.Begin(user);
        _byId.Add(user.Id, entry);
        return entry;
    }

    private BindingEntry? EntryOf(OwnedBinding? read)
    {
        if (read is null)
            return null;
        if (_bindingsById.TryGetValue(read.Binding.Id, out var known))
            return known;
        var entry = new BindingEntry(read.Binding, EntryOf(read.Owner).Id, isNew: false);
        Index(entry);
        return entry;
    }

    private void Index(UserEntry entry, Identity identity)
    {
        _byId.Add(entry.Id, entry);
        _bySid[entry.Sid] = entry;
        _byIdentity[identity] = entry;
    }

    private void Index(BindingEntry entry)
    {
        _bindingsById.Add(entry.Binding.Id, entry);
        _bindingsBySid[entry.Binding.Sid] = entry;
        _bindingsByAddress[(entry.Binding.Type, entry.Binding.Endpoint)] = entry;
    }

    private void Delete(BindingEntry entry)
    {
        entry.IsDeleted = true;
        _bindingsBySid[entry.Binding.Sid] = null;
        _bindingsByAddress[(entry.Binding.Type, entry.Binding.Endpoint)] = null;
    }

    private UserEntry NextEntry()
    {
        if (_userCount == _users.Count)
            _users.Add(new UserEntry());
        return _users[_userCount++];
    }
}
