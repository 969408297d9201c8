using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// What a watch has still to deliver: pending users, the part of the store that is left to read, and the newest configuration. The state
/// machine inside <see cref="WatchQueue"/>, which guards it with its lock; a struct, because there is one for each watch.
/// </summary>
internal struct WatchBacklog(WatchFilter filter, ServiceConfiguration configuration, int limit)
{
    private readonly PendingUsers _pending = new(limit);
    private WatchPhase _phase = WatchPhase.Snapshot;
    private long _markedBefore; // changes up to this revision may have been offered before the watch was attached
    private long _rowsReadTo; // in a catch-up: rows up to this revision were read, if not delivered yet
    private long _sweptTo; // in a catch-up: the sweep has read the users up to this key
    private SentPages? _pages; // null unless a page shows changes from after the token
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
            isAdded |= Observe(configuration, firstDirty);
        return isAdded;
    }

    public void Start(ServiceConfiguration configuration, bool withSnapshot, ResumeToken? token, long revision)
    {
        Observe(configuration, firstDirty: null);
        if (_unsent?.Revision <= configuration.Revision)
            _unsent = null;
        if (withSnapshot)
        {
            StartSnapshot(revision);
        }
        else if (token is not null)
        {
            CatchUp = new CatchUpPosition(token.Base, token.Position, CatchUp.ReadTo(_markedBefore).Target);
            // Where the feed was behind the token, rows above the position are pending without their earlier changes since the base.
            if (token.Base < token.Position)
                CatchUp = CatchUp.ReadTo(revision);
            NewestTaken = token.Newest;
            _rowsReadTo = token.Position;
            // Another node has sent the token, and the feed was behind: it has offered changes that the client has.
            _pending.RemoveUpTo(token.Base);
            _phase = WatchPhase.CatchUp;
            // The client has values of this configuration, and a switch since then may have taken them away.
            SweepAfter(configuration, firstDirty: null);
        }
        else
        {
            // The client has received nothing yet, so a switch takes no value away. The users that an overflow dropped must still be read.
            CatchUp = CatchUp with { SwitchedSince = null, Sweep = null };
            _rowsReadTo = CatchUp.Base;
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
        _rowsReadTo = revision;
        _sweptTo = 0;
        _pages = null;
    }

    public void CompleteSnapshot()
    {
        _phase = WatchPhase.CatchUp;
        TryGoLive();
    }

    public bool TryGoLive()
    {
        if (_phase == WatchPhase.CatchUp && CatchUp.IsDone)
        {
            _phase = WatchPhase.Live;
            _pending.RemoveWithoutReasons();
            _pending.ForgetSentUpTo(long.MaxValue);
            ForgetPages();
        }
        return _phase == WatchPhase.Live;
    }

    public SentUser[] DropCovered(ServiceRecord service, UserState[] users, long? rowsReadTo, bool isOfSweep, long lastId)
    {
        Observe(service.Configuration, firstDirty: null);
        // Before the page changes what is known of its users.
        var sent = new SentUser[users.Length];
        for (var i = 0; i < users.Length; i++)
            sent[i] = isOfSweep ? SentInSweep(users[i].Record!) : SentOf(users[i]);
        _rowsReadTo = Math.Max(_rowsReadTo, rowsReadTo ?? 0);
        if (isOfSweep)
            _sweptTo = lastId;
        if (_phase == WatchPhase.Snapshot || !Filter.WatchesAllUsers)
            AddPage(lastId, service);
        // The page may be older than the newest configuration, and show values from a period that has ended since. The watch may have seen
        // neither the begin nor the end of that period: a gap in the feed shows only the last configuration.
        SweepAfter(service.Configuration, firstDirty: null);
        NewestTaken = Math.Max(NewestTaken, service.Revision);
        foreach (var user in users)
        {
            _pending.ForgetSentAhead(user.Sid);
            // The catch-up reads the user again.
            if (_pending.DropCovered(user.Sid, service.Revision) && _phase == WatchPhase.CatchUp)
                _pending.NoteSentAhead(user.Sid, new SentUser(service.Revision, WasKnown: user.IsOnline is not null));
        }
        return sent;
    }

    public void Acknowledge(ScanPage page)
    {
        var before = CatchUp.Base;
        CatchUp = CatchUp.WithDelivered(page);
        _sweptTo = CatchUp.Sweep?.AfterId ?? 0;
        if (CatchUp.Base == before)
            return;
        _pending.ForgetSentUpTo(CatchUp.Base);
    }

    public ServiceConfiguration? TakeConfiguration()
    {
        var configuration = _unsent;
        _unsent = null;
        return configuration;
    }

    /// <summary>See <see cref="WatchQueue.TakeUpdates"/>. A gap that begins at the revision is being read.</summary>
    public SharedMessage? TakeUpdates(MessageBuilder message, long gap)
    {
        if (_phase != WatchPhase.Live)
            return null;
        var shared = _pending.TakeShared(message);
        NewestTaken = Math.Max(NewestTaken, shared?.Newest ?? _pending.TakeInto(message, gap));
        ForgetPages();
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
        // A gap is read in pages, and again after a fault of the store, so it may show what was sent already.
        if (firstDirty is not null && _pending.SentAheadOf(change.State.Sid) is { } sent)
            reasons &= change.State.ReasonsSince(sent.Revision);
        if (_phase == WatchPhase.CatchUp)
            NoteDelivered(in change);
        // While a page is read, a change that the filter leaves out moves the row of a user behind the page too.
        else if (reasons == UpdateReasons.None)
            return false;
        if (_pending.TryMerge(change.State, reasons, change.Revision))
            return true;
        if (_pending.HasRoom)
            _pending.Add(new PendingUser(change.State, reasons, change.Revision, firstDirty ?? change.Revision));
        else if (reasons != UpdateReasons.None)
            DropPending(change.Revision, firstDirty);
        return true;
    }

    /// <summary>
    /// Notes what a catch-up has delivered of a user that changes now, because it reads the user again. Before, nothing had to be noted:
    /// rows up to a revision were read. Without the note, the user would count as one that was sent before the catch-up.
    /// </summary>
    private readonly void NoteDelivered(in UserChange change)
    {
        if (change.Previous > _rowsReadTo || !Filter.WatchesAllUsers || change.State.Record is not { } user)
            return;
        var sent = new SentUser(
            Math.Max(change.Previous, CatchUp.Base), _seen.ShowsReachabilitySince(user.KnownRevision) || IsToSweep(user, change.Previous));
        var isRepeated = (user.ReasonsSince(CatchUp.Base) & ~user.ReasonsSince(sent.Revision) & Filter.Reasons) != UpdateReasons.None;
        if (isRepeated || (WasSwitched(user) && !sent.WasKnown))
            _pending.NoteSentAhead(change.State.Sid, sent);
    }

    /// <summary>Returns what the watch was sent of a user before the page of rows that has the user now.</summary>
    private readonly SentUser SentOf(UserState user)
    {
        if (_pending.SentAheadOf(user.Sid) is { } ahead)
            return ahead;
        if (user.Record is not { } record)
            return new SentUser(CatchUp.Base, WasKnown: false);
        return _pages?.Find(record) is { } sent && sent.Revision >= CatchUp.Base ? sent : new SentUser(CatchUp.Base, WasSwitched(record));
    }

    /// <summary>Returns what the watch was sent of a user before the page of a sweep that has the user now: the present row.</summary>
    private readonly SentUser SentInSweep(UserRecord user) => new(user.Revision, WasSentKnown(user, user.Revision));

    /// <summary>Whether a sweep that is left has the user with that revision of the row.</summary>
    private readonly bool IsToSweep(UserRecord user, long revision) =>
        CatchUp.Sweep is { } sweep
        && ((sweep.Has(user, revision) && user.Id > _sweptTo) || sweep.Next?.Has(user, revision) == true)
        && WasSentKnown(user, revision);

    /// <summary>Whether the watch was sent a value of the user, if the user became known in an on-period that the watch has seen.</summary>
    private readonly bool WasSentKnown(UserRecord user, long revision) =>
        _pages?.Find(user) is not { } sent || sent.Revision < revision || sent.WasKnown;

    /// <summary>Whether the user lost the values that it may have had at the base.</summary>
    private readonly bool WasSwitched(UserRecord user) => user.KnownRevision >= CatchUp.SwitchedSince;

    /// <summary>Forgets the pages unless a pending user keeps the token of a live watch below one of them.</summary>
    private void ForgetPages()
    {
        if (_pages is not null && !(_pending.FirstDirty <= _pages.Revision))
            _pages = null;
    }

    private void AddPage(long lastId, ServiceRecord service)
    {
        _pages ??= new SentPages();
        if (!Filter.WatchesAllUsers)
            _pages.Clear();
        _pages.Add(lastId, service);
    }

    /// <summary>
    /// Drops all pending users, so that the session reads them from the store at the client's pace. The token does not move.
    /// </summary>
    private void DropPending(long revision, long? firstDirty)
    {
        if (_phase == WatchPhase.Live)
        {
            // A batch may contain changes after the switch that causes this, so pending users may be newer than the revision. Some pages of
            // a gap may not have been offered yet.
            var next = Math.Min(_pending.FirstDirty ?? revision, Math.Min(firstDirty ?? revision, revision));
            CatchUp = CatchUpPosition.At(Math.Max(next - 1, CatchUp.Base));
            _rowsReadTo = CatchUp.Position;
            _phase = WatchPhase.CatchUp;
            _pending.ForgetSentUpTo(CatchUp.Base); // later the base moves only when a page is acknowledged
        }
        CatchUp = CatchUp.ReadTo(Math.Max(_pending.Newest, revision));
        _pending.Drop();
    }

    /// <summary>Notes a configuration. Returns whether it is new.</summary>
    private bool Observe(ServiceConfiguration next, long? firstDirty)
    {
        if (next.Revision <= _seen.Revision)
            return false;
        var before = _seen;
        _seen = _unsent = next;
        SweepAfter(before, firstDirty);
        return true;
    }

    /// <summary>
    /// Reads the users of a period of reachability again, if the configuration is of such a period and the newest one has ended it.
    /// </summary>
    private void SweepAfter(ServiceConfiguration earlier, long? firstDirty)
    {
        var onPeriodEnded = earlier.ReachabilityEnabled
            && (!_seen.ReachabilityEnabled || _seen.SwitchedOnRevision != earlier.SwitchedOnRevision);
        if (!onPeriodEnded || (Filter.Reasons & UpdateReasons.Reachability) == UpdateReasons.None)
            return;
        // Values that the client holds from that period are null now, and pending states are from the time before the switch.
        DropPending(_seen.Revision, firstDirty);
        CatchUp = CatchUp.SwitchedFrom(earlier.SwitchedOnRevision, _seen.SwitchRevision);
        // Users that became known in the period have rows from it, which are read from now on, unless they were read already.
        if (!Filter.WatchesAllUsers || _rowsReadTo < earlier.SwitchedOnRevision)
            return;
        if (CatchUp.Sweep is null)
            _sweptTo = 0;
        CatchUp = CatchUp.SweepFrom(earlier.SwitchedOnRevision, _rowsReadTo);
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
