using System.Text;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Testing;

/// <summary>
/// An implementation of the storage port over immutable images: a commit is one assignment. Fails on demand, finds its commits stale on
/// demand, and restarts from what was committed. With a seed, two stores have different timelines, and two runs have the same. Nodes of a
/// cluster share the data of one store: see <see cref="OpenNode"/>.
/// </summary>
public sealed partial class InMemoryPresenceStore : IClusterStore
{
    private readonly Random _timelines;
    private readonly SharedImage _shared;
    private readonly int? _writer; // null for a node of a cluster
    private int _writers = 1;
    private long _lastEpoch = 1L << 62; // above the wall time

    /// <param name="seed">Gives the timelines.</param>
    /// <param name="time">The clock of the store, which only leases of nodes and polls use; the system's by default.</param>
    public InMemoryPresenceStore(int seed = 0, TimeProvider? time = null)
    {
        _timelines = new Random(seed);
        _shared = new SharedImage(time ?? TimeProvider.System);
        _writer = 0;
        Restart();
    }

    private InMemoryPresenceStore(SharedImage shared, int? writer)
    {
        (_timelines, _shared, _writer) = (new Random(writer ?? 0), shared, writer);
    }

    /// <summary>Makes the store fail.</summary>
    public StoreFaults Faults { get; } = new();

    /// <summary>All committed data, as a backup.</summary>
    public StoreImage Image => Committed;

    private StoreImage Committed
    {
        get => _shared.Image;
        set => _shared.Image = value;
    }

    /// <summary>Returns a store with the same data for another writer, which commits between the commits of this one.</summary>
    public InMemoryPresenceStore OpenAnotherWriter() => new(_shared, _writers++);

    /// <summary>Restarts the store. Uncommitted data is lost, a new timeline begins, and faults end.</summary>
    public void Restart()
    {
        Faults.Clear();
        Committed = (Committed with
        {
            Writers = Committed.Writers.SetItems(Committed.Writers.Select(writer =>
                KeyValuePair.Create(writer.Key, writer.Value with { LastResult = null }))),
        }).BeginTimeline(NewTimeline());
    }

    /// <summary>Restores a backup and restarts the store. Later commits are lost. A writer of before can no longer commit.</summary>
    public void Restore(StoreImage backup)
    {
        Committed = backup with
        {
            Writers = backup.Writers.SetItems(Committed.Writers.Select(writer => KeyValuePair.Create(
                writer.Key,
                backup.Writers.GetValueOrDefault(writer.Key) with { Generation = writer.Value.Generation + 1 }))),
            Services = backup.Services.SetItems(backup.Services.Values.Select(Swept)),
        };
        Restart();
    }

    /// <summary>
    /// Makes the nodes of a cluster find the data of an earlier image, as when a standby without the last commits is promoted. Later
    /// commits are lost. The identity of the data changes, a new timeline begins, and epochs move above all that were given. Generations
    /// and numbers of commits are again what they were, so only the identity tells commits of the lost data from others.
    /// </summary>
    public void Promote(StoreImage earlier)
    {
        lock (_shared.Gate)
        {
            var (lost, kept) = (Committed.Cluster, earlier.Cluster);
            Committed = (earlier with
            {
                Timelines = Committed.Timelines,
                Services = earlier.Services.SetItems(earlier.Services.Values.Select(Swept)),
                Cluster = kept with
                {
                    Identity = lost.Identity with { Timeline = lost.Identity.Timeline + 1 },
                    Epoch = lost.Epoch + 1,
                    MembersVersion = lost.MembersVersion + 1,
                    ChangesVersion = lost.ChangesVersion + 1,
                },
            }).BeginTimeline(NewTimeline());
        }
    }

    public void Maintain(bool idle)
    {
    }

    public void Dispose() => Faults.Dispose();

    public ValueTask<ServiceRecord?> FindServiceAsync(ServiceSid service, CancellationToken cancellationToken) =>
        ReadAsync(image => image.Find(service)?.Record, cancellationToken);

    public ValueTask<IReadOnlyList<ServiceRecord>> ListServicesAsync(long afterId, int limit, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<ServiceRecord>>(
            image => [.. image.Services.Values.Where(s => !s.IsDeleted && s.Record.Id > afterId).Take(limit).Select(s => s.Record)],
            cancellationToken);

    public ValueTask<IReadOnlyList<ServiceRecord>> ListServicesBeforeAsync(
        long beforeId, int limit, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<ServiceRecord>>(
            image =>
            [
                .. image.Services.Values
                    .Where(s => !s.IsDeleted && s.Record.Id < beforeId).Select(s => s.Record).OrderByDescending(s => s.Id).Take(limit),
            ],
            cancellationToken);

    public ValueTask<UsersRead> FindUsersAsync(ServiceSid service, IReadOnlyList<UserKey> keys, CancellationToken cancellationToken) =>
        FindUsersAsync(service, keys, int.MaxValue, cancellationToken);

    public ValueTask<UsersRead> FindUsersAsync(
        ServiceSid service, IReadOnlyList<UserKey> keys, int maxBytes, CancellationToken cancellationToken) =>
        ReadAsync(
            image =>
            {
                var found = image.Get(service);
                UserRecord[] users = [.. keys.Select(found.FindUser).OfType<UserRecord>().DistinctBy(user => user.Id)];
                var read = found.Read(users) with { Cost = keys.Count };
                var bytes = users.Sum(user => Encoding.UTF8.GetByteCount($"{user.Identity}{user.FriendlyName}{user.Attributes}"));
                return bytes > maxBytes ? read with { Users = [], Next = users[0].Id } : read;
            },
            cancellationToken);

    public ValueTask<UsersRead> ListUsersAsync(
        ServiceSid service, long afterId, int limit, bool? online, CancellationToken cancellationToken) =>
        ReadAsync(
            image =>
            {
                var found = image.Get(service);
                return found.ReadPage(
                    found.UsersAfter(afterId).Where(user => online is null || found.StateOf(user).IsOnline == online), limit);
            },
            cancellationToken);

    public ValueTask<UsersRead> ListUsersBeforeAsync(
        ServiceSid service, long beforeId, int limit, bool? online, CancellationToken cancellationToken) =>
        ReadAsync(
            image =>
            {
                var found = image.Get(service);
                return found.ReadPage(
                    found.UsersAfter(0).TakeWhile(user => user.Id < beforeId).Reverse()
                        .Where(user => online is null || found.StateOf(user).IsOnline == online),
                    limit);
            },
            cancellationToken);

    public ValueTask<UsersRead> ListKnownUsersAsync(
        ServiceSid service, long afterId, int limit, long knownSince, long upToRevision, CancellationToken cancellationToken) =>
        ReadAsync(
            image =>
            {
                var found = image.Get(service);
                return found.ReadPage(
                    found.UsersAfter(afterId)
                        .Where(user => user.KnownRevision > 0 && user.KnownRevision >= knownSince && user.Revision <= upToRevision),
                    limit);
            },
            cancellationToken);

    public ValueTask<ChangesRead> ListChangesAsync(
        ServiceSid service, long afterRevision, int limit, CancellationToken cancellationToken) =>
        ReadAsync(
            image =>
            {
                var found = image.Get(service);
                // Each list is sorted already, so the first entries of both together are among the first of each.
                var changes = found.UsersChangedAfter(afterRevision).Take(limit + 1)
                    .Concat(found.TombstonesAfter(afterRevision).Take(limit + 1))
                    .OrderBy(change => change.Revision)
                    .Take(limit + 1)
                    .ToArray();
                var page = changes.Take(limit).ToArray();
                return new ChangesRead(found.Record, page, HasMore: changes.Length > limit, page.Length);
            },
            cancellationToken);

    public ValueTask<ChangesRead> FindChangesAsync(
        ServiceSid service, IReadOnlyList<UserKey> keys, long afterRevision, CancellationToken cancellationToken) =>
        ReadAsync(
            image =>
            {
                var found = image.Get(service);
                var wanted = keys.ToHashSet();
                var users = wanted.Select(found.FindUser).OfType<UserRecord>()
                    .Select(user => new StoredChange(found.StateOf(user), user.Revision));
                var deleted = found.TombstonesAfter(afterRevision)
                    .Where(change => wanted.Contains(new UserKey(change.State.Sid)) || wanted.Contains(new UserKey(change.State.Identity)));
                var hasMore = deleted.GroupBy(change => change.State.Identity).Any(of => of.Count() > Limits.TombstonesPerKey);
                return new ChangesRead(
                    found.Record,
                    [.. users.Concat(deleted).DistinctBy(change => change.State.Sid).OrderBy(change => change.Revision)],
                    hasMore,
                    keys.Count);
            },
            cancellationToken);

    public ValueTask<PushBinding?> FindBindingAsync(ServiceSid service, BindingSid binding, CancellationToken cancellationToken) =>
        ReadAsync(image => image.Get(service).Bindings.Values.FirstOrDefault(b => b.Sid == binding), cancellationToken);

    public ValueTask<IReadOnlyList<PushBinding>> ListBindingsAsync(
        ServiceSid service, BindingFilter filter, long afterId, int limit, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<PushBinding>>(
            image => [.. Select(image.Get(service), filter).Where(binding => binding.Id > afterId).Take(limit)], cancellationToken);

    public ValueTask<IReadOnlyList<PushBinding>> ListBindingsBeforeAsync(
        ServiceSid service, BindingFilter filter, long beforeId, int limit, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<PushBinding>>(
            image =>
            [
                .. Select(image.Get(service), filter)
                    .Where(binding => binding.Id < beforeId).OrderByDescending(binding => binding.Id).Take(limit),
            ],
            cancellationToken);

    public ValueTask<IReadOnlyList<StoredOnlineUser>> ListOnlineUsersAsync(long afterId, int limit, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<StoredOnlineUser>>(
            image =>
            [
                .. image.Services.Values.Where(service => !service.IsDeleted)
                    .SelectMany(service => service.UsersAfter(afterId)
                        .Where(user => service.StateOf(user).IsOnline == true)
                        .Take(limit)
                        .Select(user => new StoredOnlineUser(user.Id, service.Record.Sid, user.Sid, user.Identity, user.LastAlive)))
                    .OrderBy(user => user.Id)
                    .Take(limit),
            ],
            cancellationToken);

    public ValueTask<IReadOnlyList<StoredEndedSession>> ListEndedSessionsAsync(
        long afterId, int limit, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<StoredEndedSession>>(
            image =>
            [
                .. image.Services.Values.Where(service => !service.IsDeleted)
                    .SelectMany(service => service.EndedSessions.Select(ended => new StoredEndedSession(
                        ended.Value.Id, service.Record.Sid, ended.Key.User, ended.Key.Session, ended.Value.Until)))
                    .Where(ended => ended.Id > afterId)
                    .OrderBy(ended => ended.Id)
                    .Take(limit),
            ],
            cancellationToken);

    public ValueTask<ServerUptime> FindUptimeAsync(CancellationToken cancellationToken) =>
        ReadAsync(image => image.Uptime, cancellationToken);

    public ValueTask<IReadOnlyList<ApiKey>> ListApiKeysAsync(CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<ApiKey>>(image => [.. image.ApiKeys.Values], cancellationToken);

    public ValueTask<long?> FindTimelineEndAsync(ServiceRecord service, Guid timeline, CancellationToken cancellationToken) =>
        ReadAsync<long?>(
            image =>
            {
                var found = image.Get(service.Sid);
                if (found.Record.Id != service.Id)
                    throw PresenceErrors.ServiceInstanceNotFound(service.Sid);
                var at = image.Timelines.IndexOf(timeline);
                if (at < 0)
                    return null;
                return found.Cuts.Where(cut => cut.Key > at).Select(cut => (long?)cut.Value).FirstOrDefault() ?? found.Record.Revision;
            },
            cancellationToken);

    private static IEnumerable<PushBinding> Select(ServiceImage service, BindingFilter filter)
    {
        var owners = filter.Users.Select(service.FindUser).OfType<UserRecord>().Select(user => user.Sid).ToHashSet();
        if (filter.User is { } required)
            owners.Add((service.FindUser(required) ?? throw PresenceErrors.UserNotFound(required)).Sid);
        return service.Bindings.Values
            .Where(binding => !filter.NamesUsers || owners.Contains(binding.UserSid))
            .Where(binding => filter.Types.Count == 0 || filter.Types.Contains(binding.Type));
    }

    private KeyValuePair<long, ServiceImage> Swept(ServiceImage service) => new(
        service.Record.Id,
        service.Webhook is not { } webhook ? service : service with
        {
            Webhook = webhook with
            {
                Epoch = Math.Max(webhook.Epoch, ++_lastEpoch),
                Position = webhook.Settings.PostUrl.Length > 0
                    ? webhook.Position with { Sweep = WebhookSweep.Everyone } : webhook.Position,
            },
        });

    private async ValueTask<TResult> ReadAsync<TResult>(Func<StoreImage, TResult> read, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Interlocked.Increment(ref _countedCalls);
        Faults.OnRead();
        ThrowIfCutOff();
        var result = read(ImageFor(StoreMutation.ReadKeepsTheTimeline));
        await Faults.StallAsync();
        return result;
    }

    private Guid NewTimeline()
    {
        var timeline = new byte[16];
        _timelines.NextBytes(timeline);
        return new Guid(timeline);
    }
}
