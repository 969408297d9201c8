using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Testing;

/// <summary>All data of one service instance at one moment. Immutable.</summary>
public sealed record ServiceImage(ServiceRecord Record)
{
    /// <summary>Whether the service instance is deleted and only waits to be purged.</summary>
    public bool IsDeleted { get; init; }

    /// <summary>Raised by every commit that changes the settings.</summary>
    public long Version { get; init; }

    /// <summary>The key that the next user takes.</summary>
    public long NextUserId { get; init; } = RowKeys.FirstOf(Record.Id);

    /// <summary>The key that the next push binding takes.</summary>
    public long NextBindingId { get; init; } = RowKeys.FirstOf(Record.Id);

    /// <summary>The last key of an ended session, which is unique in the store.</summary>
    public long LastEndedId { get; init; } = RowKeys.FirstOf(Record.Id);

    /// <summary>The version of each user by key.</summary>
    public ImmutableDictionary<long, long> Versions { get; init; } = ImmutableDictionary<long, long>.Empty;

    /// <summary>The users by key.</summary>
    public ImmutableDictionary<long, UserRecord> Users { get; private init; } = ImmutableDictionary<long, UserRecord>.Empty;

    /// <summary>Tombstones by revision.</summary>
    public ImmutableSortedDictionary<long, Tombstone> Tombstones { get; init; } = ImmutableSortedDictionary<long, Tombstone>.Empty;

    /// <summary>The ended sessions, with the uptime up to which each is remembered.</summary>
    public ImmutableDictionary<(Identity User, SessionId Session), (long Id, TimeSpan Until)> EndedSessions { get; init; } =
        ImmutableDictionary<(Identity, SessionId), (long, TimeSpan)>.Empty;

    /// <summary>Push bindings by key.</summary>
    public ImmutableSortedDictionary<long, PushBinding> Bindings { get; init; } = ImmutableSortedDictionary<long, PushBinding>.Empty;

    /// <summary>
    /// The revision before the first one of a timeline, by the timeline's index; missing if the timeline has no revision.
    /// </summary>
    public ImmutableSortedDictionary<int, long> Cuts { get; init; } = ImmutableSortedDictionary<int, long>.Empty;

    /// <summary>The webhook settings; null if they were never set.</summary>
    public StoredWebhook? Webhook { get; init; }

    /// <summary>The notification settings.</summary>
    public NotificationSettings Notifications { get; init; } = new();

    private ImmutableSortedSet<long> Keys { get; init; } = [];

    private ImmutableSortedSet<(long Revision, long Key)> Revisions { get; init; } = [];

    private ImmutableDictionary<UserSid, long> Sids { get; init; } = ImmutableDictionary<UserSid, long>.Empty;

    private ImmutableDictionary<Identity, long> Identities { get; init; } = ImmutableDictionary<Identity, long>.Empty;

    /// <summary>Returns the user, or null.</summary>
    public UserRecord? FindUser(UserKey key) =>
        (key.IsSid ? Sids.TryGetValue(key.Sid, out var id) : Identities.TryGetValue(key.Identity, out id)) ? Users[id] : null;

    /// <summary>Returns what commits count up.</summary>
    public ServiceCounters Counters => new(Record.Revision, Record.UserCount, NextUserId, NextBindingId);

    /// <summary>Returns the image with another version of a user, which exists or will be added.</summary>
    public ServiceImage Raise(long userId) => this with { Versions = Versions.SetItem(userId, Versions.GetValueOrDefault(userId) + 1) };

    /// <summary>Returns the image with a new user.</summary>
    public ServiceImage Add(UserRecord user) => this with
    {
        Users = Users.Add(user.Id, user),
        Keys = Keys.Add(user.Id),
        Revisions = Revisions.Add((user.Revision, user.Id)),
        Sids = Sids.Add(user.Sid, user.Id),
        Identities = Identities.Add(user.Identity, user.Id),
    };

    /// <summary>Returns the image without the user.</summary>
    public ServiceImage Remove(long userId)
    {
        var user = Users[userId];
        return this with
        {
            Users = Users.Remove(user.Id),
            Keys = Keys.Remove(user.Id),
            Revisions = Revisions.Remove((user.Revision, user.Id)),
            Sids = Sids.Remove(user.Sid),
            Identities = Identities.Remove(user.Identity),
        };
    }

    /// <summary>Returns what is visible of a user.</summary>
    public UserState StateOf(UserRecord user) => UserState.Of(Record.Sid, user, Record.Configuration);

    /// <summary>Returns users as a reader does.</summary>
    public UsersRead Read(IReadOnlyCollection<UserRecord> users) => new(Record, [.. users.Select(StateOf)], Next: null, users.Count);

    /// <summary>Returns the first users as a page.</summary>
    public UsersRead ReadPage(IEnumerable<UserRecord> users, int limit)
    {
        var read = users.Take(limit + 1).ToArray();
        return read.Length > limit ? Read(read[..limit]) with { Next = read[limit - 1].Id } : Read(read);
    }

    /// <summary>Returns users with a greater key, by ascending key.</summary>
    public IEnumerable<UserRecord> UsersAfter(long key) => After(Keys, key + 1).Select(id => Users[id]);

    /// <summary>Returns users with a greater revision, by ascending revision.</summary>
    public IEnumerable<StoredChange> UsersChangedAfter(long revision) =>
        After(Revisions, (revision + 1, 0)).Select(entry => new StoredChange(StateOf(Users[entry.Key]), entry.Revision));

    /// <summary>Returns tombstones with a greater revision, by ascending revision.</summary>
    public IEnumerable<StoredChange> TombstonesAfter(long revision) => Tombstones.Values
        .Where(tombstone => tombstone.Revision > revision)
        .Select(tombstone => new StoredChange(UserState.Of(Record.Sid, tombstone), tombstone.Revision));

    private static IEnumerable<T> After<T>(ImmutableSortedSet<T> sorted, T from)
    {
        var at = sorted.IndexOf(from);
        for (var i = at < 0 ? ~at : at; i < sorted.Count; i++)
            yield return sorted[i];
    }
}
