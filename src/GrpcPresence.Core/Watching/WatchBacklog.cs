using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// What a watch has still to deliver: pending users, the part of the store that is left to read, and the newest configuration. The state
/// machine inside <see cref="WatchQueue"/>, which guards it with its lock; a struct, because there is one for each watch.
/// </summary>
internal struct WatchBacklog(WatchFilter filter, ServiceConfiguration configuration)
{
    private readonly PendingUsers _pending = new();
    private WatchPhase _phase = WatchPhase.Snapshot;
    private long _markedBefore; // changes up to this revision may have been offered before the watch was attached
    private ServiceConfiguration _seen = configuration; // the newest that was offered or read
    private ServiceConfiguration? _unsent; // the newest, unless it was sent

    public WatchFilter Filter { get; } = filter;

    public CatchUpPosition CatchUp { get; private set; }

    public long NewestTaken { get; private set; }

    public readonly int PendingCount => _pending.Count;

    public readonly bool IsEmpty => _unsent is null && _phase == WatchPhase.Live && _pending.Count == 0;

    public void Attach(long revision, long marked, long after)
    {
        CatchUp = CatchUpPosition.At(Math.Max(revision, after));
        _markedBefore = marked;
    }

    /// <summary>Takes a batch; see <see cref="WatchQueue.Offer"/>. Returns whether it added anything.</summary>
    public bool Offer(
        ReadOnlySpan<UserChange> changes, ReadOnlySpan<ServiceConfiguration> configurations, long? firstDirty, SharedChanges? shared)
    {
        if (shared is not null && Filter.TakesAll && _phase == WatchPhase.Live && _pending.TryShare(shared))
            return true;
        var isAdded = false;
        foreach (ref readonly var change in changes)
            isAdded |= Add(in change, firstDirty);
        foreach (var configuration in configurations)
            isAdded |= Observe(configuration);
        return isAdded;
    }

    public void Start(ServiceConfiguration configuration, bool withSnapshot, ResumeToken? token, long revision)
    {
        Observe(configuration);
        if (_unsent?.Revision <= configuration.Revision)
            _unsent = null;
        if (withSnapshot)
        {
            StartSnapshot(revision);
        }
        else if (token is not null)
        {
            CatchUp = CatchUp.ReadTo(_markedBefore) with { Base = token.Base, Position = token.Position };
            NewestTaken = token.Newest;
            _phase = WatchPhase.CatchUp;
        }
        else
        {
            // The client has received nothing yet, so a switch takes no value away. The users that an overflow dropped must still be read.
            CatchUp = CatchUp with { SwitchedSince = null, Sweep = null };
            // The feed was behind: changes from before the opening have reached it since.
            _pending.RemoveUpTo(CatchUp.Base);
            _phase = WatchPhase.CatchUp;
        }
    }

    public void StartSnapshot(long revision)
    {
        // The dropped changes were committed before the snapshot reads its first page, so the snapshot contains them.
        _pending.Clear();
        _phase = WatchPhase.Snapshot;
        CatchUp = CatchUpPosition.At(revision);
    }

    public void CompleteSnapshot() => _phase = CatchUp.IsDone ? WatchPhase.Live : WatchPhase.CatchUp;

    public bool TryGoLive()
    {
        if (_phase == WatchPhase.CatchUp && CatchUp.IsDone)
            _phase = WatchPhase.Live;
        return _phase == WatchPhase.Live;
    }

    public long? DropCovered(ServiceRecord service, IEnumerable<UserSid> users)
    {
        Observe(service.Configuration);
        // The page may be older than the newest configuration, and show values from a period that has ended since. The watch may have seen
        // neither the begin nor the end of that period: a gap in the feed shows only the last configuration.
        SweepAfter(service.Configuration);
        NewestTaken = Math.Max(NewestTaken, service.Revision);
        foreach (var user in users)
            _pending.RemoveCovered(user, service.Revision);
        return CatchUp.SwitchedSince;
    }

    public void Acknowledge(ScanPage page) => CatchUp = CatchUp.WithDelivered(page);

    public ServiceConfiguration? TakeConfiguration()
    {
        var configuration = _unsent;
        _unsent = null;
        return configuration;
    }

    public SharedMessage? TakeUpdates(MessageBuilder message)
    {
        if (_phase != WatchPhase.Live)
            return null;
        var shared = _pending.TakeShared(message);
        NewestTaken = Math.Max(NewestTaken, shared?.Newest ?? _pending.TakeInto(message));
        return shared;
    }

    /// <summary>The numbers of a resume token. Every change up to the revision must have been offered before.</summary>
    public readonly (long Base, long Position) TokenPosition(long revision)
    {
        if (_phase != WatchPhase.Live)
            return (CatchUp.Base, CatchUp.Position);
        if (_pending.FirstDirty is { } next)
            revision = Math.Min(revision, next - 1);
        // A gap that began before the opening of a watch from now on may keep the first dirty revision below it.
        revision = Math.Max(revision, CatchUp.Base);
        return (revision, revision);
    }

    public readonly void Clear() => _pending.Clear();

    private bool Add(in UserChange change, long? firstDirty)
    {
        var reasons = change.Reasons & Filter.Reasons;
        if (reasons == UpdateReasons.None)
            return false;
        if (_pending.TryMerge(change.State, reasons, change.Revision))
            return true;
        if (_pending.Count < Limits.PendingUsersPerWatcher)
            _pending.Add(new PendingUser(change.State, reasons, change.Revision, firstDirty ?? change.Revision));
        else
            DropPending(change.Revision);
        return true;
    }

    /// <summary>
    /// Drops all pending users, so that the session reads them from the store at the client's pace. The token does not move.
    /// </summary>
    private void DropPending(long revision)
    {
        if (_phase == WatchPhase.Live)
        {
            // A batch may contain changes after the switch that causes this, so pending users may be newer than the revision.
            var delivered = Math.Min(_pending.FirstDirty ?? revision, revision) - 1;
            CatchUp = CatchUpPosition.At(delivered);
            _phase = WatchPhase.CatchUp;
        }
        CatchUp = CatchUp.ReadTo(Math.Max(_pending.Newest, revision));
        _pending.Clear();
    }

    /// <summary>Notes a configuration. Returns whether it is new.</summary>
    private bool Observe(ServiceConfiguration next)
    {
        if (next.Revision <= _seen.Revision)
            return false;
        var before = _seen;
        _seen = _unsent = next;
        SweepAfter(before);
        return true;
    }

    /// <summary>
    /// Reads the users of a period of reachability again, if the configuration is of such a period and the newest one has ended it.
    /// </summary>
    private void SweepAfter(ServiceConfiguration earlier)
    {
        var onPeriodEnded = earlier.ReachabilityEnabled
            && (!_seen.ReachabilityEnabled || _seen.SwitchedOnRevision != earlier.SwitchedOnRevision);
        if (!onPeriodEnded || (Filter.Reasons & UpdateReasons.Reachability) == UpdateReasons.None)
            return;
        // Values that the client holds from that period are null now, and pending states are from the time before the switch.
        DropPending(_seen.Revision);
        CatchUp = CatchUp.SweepFrom(earlier.SwitchedOnRevision);
    }
}

/// <summary>Where the next users of a watch come from.</summary>
internal enum WatchPhase
{
    /// <summary>All watched users, from the store.</summary>
    Snapshot,

    /// <summary>The users that changed since a revision, from the store.</summary>
    CatchUp,

    /// <summary>Changes as they are committed, from memory.</summary>
    Live,
}
