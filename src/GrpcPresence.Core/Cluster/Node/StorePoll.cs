using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// Asks the store again and again what has changed, and tells the parts of the node. So whatever a hint brings, the poll brings as well, at
/// most <see cref="Limits.StorePollInterval"/> and an answer later. Used only by the loop of the node.
/// </summary>
internal sealed class StorePoll
{
    private readonly NodeParts _parts;
    private readonly ShardTable _table;
    private readonly Action<ClusterPoll> _adopt;
    private readonly ShardRecovery _recovery;
    private readonly StoreCall<TimeSpan, ClusterPoll> _poll;
    private readonly StoreCall<NodeId, NodeLease?> _lease;
    private readonly StoreCall<bool, bool> _reload;
    private readonly Dictionary<long, KnownService> _services = [];
    private readonly Queue<NodeId> _suspects = new(); // active nodes that the view lacks
    private KnownCluster _known = KnownCluster.Nothing;
    private ImmutableArray<NodeId> _members = [];
    private long _changes = -1; // no version has it
    private TimeSpan? _sentAt; // of the last poll
    private TimeSpan? _answeredFrom; // when the last poll that was answered was sent
    private bool _mustReload;
    private bool _mustCheck; // the stored presence of the shards
    private bool _isChecking;

    /// <param name="parts">The parts of the node.</param>
    /// <param name="table">Learns the holders.</param>
    /// <param name="adopt">Takes the first poll, and each one of other data than the one before, before anything else of it counts.</param>
    /// <param name="calls">Creates the calls of the store.</param>
    public StorePoll(NodeParts parts, ShardTable table, Action<ClusterPoll> adopt, StoreCalls calls)
    {
        (_parts, _table, _adopt, _recovery) = (parts, table, adopt, new ShardRecovery(parts.Services));
        _poll = calls.Create<TimeSpan, ClusterPoll>(StoreCallKind.Poll);
        _lease = calls.Create<NodeId, NodeLease?>(StoreCallKind.Lease);
        _reload = calls.Create<bool, bool>(StoreCallKind.Reload);
    }

    /// <summary>Whether a poll was answered, so that the table of shards says what the store says.</summary>
    public bool HasPolled => _answeredFrom is not null;

    /// <summary>Whether the store answers.</summary>
    public bool IsFresh => _answeredFrom is { } sent && _parts.Clock.Now - sent < 2 * Limits.StorePollInterval;

    /// <summary>
    /// Whether the store has not answered a poll for <see cref="Limits.StoreAbsence"/>. It may still take commits, but a node that cannot
    /// read can take no shard.
    /// </summary>
    public bool IsStoreAway => _answeredFrom is { } sent && _parts.Clock.Now - sent >= Limits.StoreAbsence;

    /// <summary>The data that the last poll was of; default before the first one.</summary>
    public DataIdentity Data => _known.Identity;

    /// <summary>The nodes that the store shows as active; empty before the first poll. Another array after each change.</summary>
    public ImmutableArray<NodeId> Members => _members;

    /// <summary>
    /// Whether the stored presence of the shards is being compared after lost commits. A shard that moved meanwhile would be compared by
    /// nobody.
    /// </summary>
    public bool IsChecking => _mustCheck || (_isChecking && _reload.IsBusy);

    /// <summary>Whether the store says that this node is not active.</summary>
    public bool IsOut { get; private set; }

    /// <summary>Does what is due.</summary>
    public void Step(ClusterView view)
    {
        var now = _parts.Clock.Now;
        if (_poll.TryTake(out var sentAt, out var poll, out var error) && error is null)
        {
            Apply(poll);
            _answeredFrom = sentAt;
            foreach (var member in _members)
            {
                if (!view.Contains(member) && member != _parts.View.Self)
                    _suspects.Enqueue(member);
            }
        }
        if (_parts.Confirmation.TakeOtherData())
            _sentAt = null;
        if (_poll.MayBegin && (_sentAt is not { } last || now - last >= Limits.StorePollInterval))
        {
            _sentAt = now;
            _poll.Begin(now, _parts.Store.PollAsync(_known with { Services = KnownServices() }, CancellationToken.None));
        }
        Observe();
        Reload();
    }

    private void Apply(ClusterPoll poll)
    {
        if (poll.Identity != _known.Identity)
        {
            _adopt(poll);
            if (HasPolled)
                ForgetLost();
        }
        if (!HasPolled)
        {
            _parts.Tracker.Resume(poll.Uptime); // the writer stores the uptime from now on, in the data that is known
            _parts.Tracker.Start();
        }
        _parts.Tracker.RaiseUptime(poll.Uptime.Total);
        foreach (var holder in poll.Shards)
            _table.Learn(holder.Shard, new KnownHolder(holder.Node, holder.Epoch, poll.Identity));
        if (poll.Members is { } members)
        {
            _members = members;
            IsOut = !members.Contains(_parts.View.Self);
            _parts.Confirmation.Note(members);
        }
        _mustReload |= poll.ChangesVersion != _changes; // also at the first poll: what was read before it may be older
        _changes = poll.ChangesVersion;
        foreach (var (record, version) in poll.Services)
        {
            _parts.Services.Update(record);
            _parts.Hub.NoteRevision(record.Sid, record.Id, record.Revision);
            _parts.Webhooks?.Wake(record.Sid, record.Revision);
            _services[record.Id] = new KnownService(record.Id, record.Revision, version);
        }
        Remove(poll.Gone);
        _known = new KnownCluster(poll.Identity, poll.MembersVersion, poll.Epoch, []);
    }

    /// <summary>
    /// Commits that were acknowledged may be lost. The caches were reset before. What was polled does not count, and each user whose stored
    /// presence differs from the tracked one is stored again.
    /// </summary>
    private void ForgetLost()
    {
        _parts.Webhooks?.ForgetProgress();
        _services.Clear();
        _mustReload = true;
        _mustCheck = true;
    }

    private void Remove(ImmutableArray<long> gone)
    {
        if (gone.IsEmpty)
            return;
        var ids = gone.ToHashSet();
        foreach (var cached in _parts.Services.Cached.Where(cached => ids.Contains(cached.Id)))
            _parts.Services.Remove(cached.Sid, cached.Id);
        foreach (var watched in _parts.Hub.Watched.Where(watched => ids.Contains(watched.Id)))
            _parts.Hub.NoteDeletion(watched.Sid, watched.Id);
        foreach (var id in ids)
            _services.Remove(id);
    }

    /// <summary>
    /// Returns the service instances that this node caches or watches. For a watched one the revision of its watches counts: a poll may
    /// have shown a later one before the first watch was opened, and a hint of it may have been lost.
    /// </summary>
    private ImmutableArray<KnownService> KnownServices()
    {
        Dictionary<long, KnownService> known = [];
        foreach (var cached in _parts.Services.Cached)
            known[cached.Id] = KnownOf(cached.Id);
        foreach (var watched in _parts.Hub.Watched)
        {
            var service = KnownOf(watched.Id);
            known[watched.Id] = service with { Revision = Math.Min(service.Revision, watched.Revision) };
        }
        return [.. known.Values];

        KnownService KnownOf(long id) => _services.GetValueOrDefault(id, new KnownService(id, Revision: -1, Version: -1));
    }

    /// <summary>Reads the leases of nodes that may have to be evicted, one after the other.</summary>
    private void Observe()
    {
        if (_lease.TryTake(out _, out var lease, out var error) && error is null && lease is not null)
            _parts.Confirmation.Observe(lease, _parts.Clock.Now);
        if (_lease.MayBegin && _suspects.TryDequeue(out var suspect))
            _lease.Begin(suspect, _parts.Store.FindLeaseAsync(suspect, CancellationToken.None));
    }

    private void Reload()
    {
        if (_reload.TryTake(out _, out _, out var error) && error is not null)
            (_mustReload, _mustCheck) = (true, _mustCheck | _isChecking); // a poll may have asked for a check meanwhile
        if (!_reload.MayBegin || !(_mustReload || _mustCheck))
            return;
        (_isChecking, _mustReload, _mustCheck) = (_mustCheck, false, false);
        _reload.Begin(true, ReloadAsync(_isChecking));
    }

    private async ValueTask<bool> ReloadAsync(bool checks)
    {
        await _parts.Keys.ReloadAsync(_parts.Store, CancellationToken.None).ConfigureAwait(false);
        if (_parts.Webhooks is { } webhooks)
            await webhooks.ReloadAsync(CancellationToken.None).ConfigureAwait(false);
        for (var number = 0; checks && number < Shard.Count; number++)
        {
            var shard = new Shard(number);
            if (!_parts.Gates[shard].IsHeld)
                continue;
            await _recovery.CheckAsync(
                _parts.Tracker.Shards!.Check(shard),
                (after, limit, stop) => _parts.Store.ListOnlineUsersAsync(shard, after, limit, stop),
                CancellationToken.None).ConfigureAwait(false);
        }
        return true;
    }
}
