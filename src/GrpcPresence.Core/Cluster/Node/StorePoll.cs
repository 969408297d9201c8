using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
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
    private readonly StoreCall<PollStart, ClusterPoll> _poll;
    private readonly StoreCall<bool, bool> _reload;
    private readonly PresenceCheck _check;
    private readonly Dictionary<long, KnownService> _services = [];
    private KnownCluster _known = KnownCluster.Nothing;
    private ImmutableArray<NodeId> _members = [];
    private long _changes = -1; // no version has it
    private TimeSpan? _sentAt; // of the last poll
    private int _unanswered; // polls that were replaced since the last answer
    private bool _isUrgent; // whether other data was met since the last answer
    private TimeSpan? _answeredFrom; // when the last poll that was answered was sent
    private bool _mustReload;
    private TimeSpan _patience = Limits.Confirmation; // after which a poll without an answer is replaced for the first time

    /// <param name="parts">The parts of the node.</param>
    /// <param name="table">Learns the holders.</param>
    /// <param name="adopt">Takes the first poll, and each one of other data than the one before, before anything else of it counts.</param>
    /// <param name="calls">Creates the calls of the store.</param>
    public StorePoll(NodeParts parts, ShardTable table, Action<ClusterPoll> adopt, StoreCalls calls)
    {
        (_parts, _table, _adopt) = (parts, table, adopt);
        _poll = calls.Create<PollStart, ClusterPoll>(StoreCallKind.Poll);
        _reload = calls.Create<bool, bool>(StoreCallKind.Reload);
        _check = new PresenceCheck(parts, calls);
        Clock = new ClockComparison(parts.Clock);
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
    public bool IsChecking => _check.IsBusy;

    /// <summary>Compares the clocks of this node and the store with each poll.</summary>
    public ClockComparison Clock { get; }

    /// <summary>Whether the store says that this node is not active.</summary>
    public bool IsRemoved { get; private set; }

    /// <summary>Does what is due.</summary>
    public void Step()
    {
        if (_poll.TryTake(out var start, out var poll, out var error))
        {
            (_unanswered, _isUrgent) = (0, false);
            if (error is null)
            {
                _patience = LongerOf(2 * (_parts.Clock.Now - start.Time), Limits.Confirmation);
                Apply(poll);
                Clock.Note(start.WallTime, poll.Time);
                _answeredFrom = start.Time;
            }
        }
        if (!_isUrgent && _parts.Confirmation.TakeOtherData())
        {
            // What is in progress may have been sent to the server of before, which answers nobody any more. The poll that replaces it is
            // not replaced by the next message that names other data: it would never be answered.
            _isUrgent = true;
            _sentAt = null;
        }
        if (IsDue)
            Begin();
        Reload();
        _check.Step();
    }

    /// <summary>Cancels what is in progress, because the node has ended.</summary>
    public void Stop() => _poll.Cancel();

    /// <summary>
    /// Whether a poll is due. One that is in progress is then replaced. A second one is replaced as early as the first, because a node that
    /// does not learn other data ends after three seconds. The others get more and more time, because the store may be slow. A store that
    /// is slow all the time gets twice the time of its last answer.
    /// </summary>
    private bool IsDue
    {
        get
        {
            if (_poll.IsPaused)
                return false;
            if (_sentAt is not { } sentAt)
                return true;
            var patience = _patience.Ticks << Math.Clamp(_unanswered - 1, 0, 8);
            return _parts.Clock.Now - sentAt >= (_poll.IsBusy
                ? TimeSpan.FromTicks(Math.Min(patience, Limits.StoreCall.Ticks)) : Limits.StorePollInterval);
        }
    }

    private static TimeSpan LongerOf(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private void Begin()
    {
        if (_poll.IsBusy)
            _unanswered++;
        var now = _parts.Clock.Now;
        _sentAt = now;
        _poll.Replace(
            new PollStart(now, _parts.Clock.UtcNow),
            stop => _parts.Store.PollAsync(_known with { Services = KnownServices() }, stop));
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
            _table.Update(holder.Shard, new KnownHolder(holder.Node, holder.Epoch, poll.Identity));
        if (poll.Members is { } members)
        {
            _members = members;
            IsRemoved = !members.Contains(_parts.View.Self);
            _parts.Confirmation.Note(members);
        }
        _parts.Confirmation.NoteLeases(poll.Leases, _parts.Clock.Now);
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
        _check.Require();
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

    private void Reload()
    {
        if (_reload.TryTake(out _, out _, out var error) && error is not null)
            _mustReload = true;
        if (!_mustReload || !_reload.MayBegin)
            return;
        _mustReload = false;
        _reload.Begin(true, ReloadAsync());
    }

    private async ValueTask<bool> ReloadAsync()
    {
        await _parts.Keys.ReloadAsync(_parts.Store, CancellationToken.None).ConfigureAwait(false);
        if (_parts.Webhooks is { } webhooks)
            await webhooks.ReloadAsync(CancellationToken.None).ConfigureAwait(false);
        return true;
    }

    /// <summary>When a poll was sent.</summary>
    private readonly record struct PollStart(TimeSpan Time, DateTimeOffset WallTime);
}
