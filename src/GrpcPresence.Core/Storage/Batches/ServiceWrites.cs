using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Storage.Batches;

/// <summary>
/// What one commit writes to one service instance. A store writes the lists in this order: it removes push bindings, then users; it changes
/// users; it adds users, then push bindings. So an identity or an address that is freed can be taken in the same commit.
/// </summary>
public sealed class ServiceWrites
{
    private static readonly Dictionary<long, long> NoVersions = [];

    /// <summary>The service instance as it was read; if it is new, as it begins.</summary>
    public StoredService Read { get; private set; } = null!;

    /// <summary>
    /// The service instance as it will be, if no other writer has committed since. Its version has no meaning.
    /// <see cref="ServiceRecord.PurgedRevision"/> is not written: only <see cref="IPresenceStore.PurgeAsync"/> changes it.
    /// </summary>
    public StoredService Service { get; private set; } = null!;

    /// <summary>
    /// The versions of the users that were read, by key. Those of <see cref="DeletedUsers"/>, <see cref="ChangedUsers"/> and
    /// <see cref="Presences"/> are compared, if the store has such versions.
    /// </summary>
    public IReadOnlyDictionary<long, long> UserVersions { get; set; } = NoVersions;

    /// <summary>
    /// Whether this changes the friendly name, the configuration, the webhook settings or the notification settings. Then it raises the
    /// version.
    /// </summary>
    public bool ChangesSettings { get; set; }

    /// <summary>Whether any other revision than the one that was read makes this stale.</summary>
    public bool DependsOnRevision { get; set; }

    /// <summary>
    /// Whether the service instance is new. Its SID is free, or freed by this commit, and its key is the next one of the directory.
    /// </summary>
    public bool IsNew { get; set; }

    /// <summary>
    /// Whether the service instance is deleted: it becomes invisible and frees its SID, in a time that does not depend on its size. The
    /// lists are then empty. <see cref="IPresenceStore.PurgeAsync"/> removes its rows.
    /// </summary>
    public bool IsDeleted { get; set; }

    /// <summary>
    /// The keys of the push bindings to remove. A push binding that moves is removed here and added below, under its key.
    /// </summary>
    public List<long> DeletedBindings { get; } = [];

    /// <summary>The keys of the users to remove, each with all push bindings that it still has.</summary>
    public List<long> DeletedUsers { get; } = [];

    /// <summary>Tombstones to add. A user that the batch added and removed has only a tombstone.</summary>
    public List<Tombstone> Tombstones { get; } = [];

    /// <summary>Users to write whole, found by their key. SID, identity, creation time and creation revision do not change.</summary>
    public List<UserRecord> ChangedUsers { get; } = [];

    /// <summary>Users of which only the presence is written. None of them is in another list.</summary>
    public List<PresenceWrite> Presences { get; } = [];

    /// <summary>Users to add under their keys. Their identities and SIDs are free.</summary>
    public List<UserRecord> NewUsers { get; } = [];

    /// <summary>Push bindings to add under their keys. Their addresses are free.</summary>
    public List<BindingWrite> NewBindings { get; } = [];

    /// <summary>Ended sessions to remember or forget, each once. Their users need not exist.</summary>
    public List<EndedSessionWrite> EndedSessions { get; } = [];

    /// <summary>Replaces the webhook settings and their position, unless null.</summary>
    public StoredWebhook? Webhook { get; set; }

    /// <summary>
    /// The position that was read; null if the webhook settings were never set. Any other makes this stale if it writes the webhook.
    /// </summary>
    public WebhookPosition? ReadPosition { get; set; }

    /// <summary>Replaces the notification settings, unless null.</summary>
    public NotificationSettings? Notifications { get; set; }

    /// <summary>Whether this changes which service instances exist.</summary>
    public bool ChangesDirectory => IsNew || IsDeleted;

    internal void Begin(StoredService read, StoredService service)
    {
        Read = read;
        Service = service;
        UserVersions = NoVersions;
        ChangesSettings = false;
        DependsOnRevision = false;
        IsNew = false;
        IsDeleted = false;
        DeletedBindings.Clear();
        DeletedUsers.Clear();
        Tombstones.Clear();
        ChangedUsers.Clear();
        Presences.Clear();
        NewUsers.Clear();
        NewBindings.Clear();
        EndedSessions.Clear();
        Webhook = null;
        ReadPosition = null;
        Notifications = null;
    }
}

/// <summary>The presence of a user after a transition.</summary>
/// <param name="UserId">The store's key of the user.</param>
/// <param name="Presence">The presence.</param>
public readonly record struct PresenceWrite(long UserId, UserPresence Presence);

/// <summary>A push binding to add.</summary>
/// <param name="Binding">The push binding.</param>
/// <param name="UserId">The store's key of its user.</param>
public readonly record struct BindingWrite(PushBinding Binding, long UserId);

/// <summary>An ended session to remember or to forget.</summary>
/// <param name="Identity">The user.</param>
/// <param name="Session">The session.</param>
/// <param name="IsForgotten">Whether to forget an earlier end first.</param>
/// <param name="Until">
/// The uptime up to which to remember the end; null to remember none. A later time that the store remembers already is kept, unless it is
/// forgotten.
/// </param>
public readonly record struct EndedSessionWrite(Identity Identity, SessionId Session, bool IsForgotten, TimeSpan? Until);
