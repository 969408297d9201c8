using System.Runtime.InteropServices;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// The watchers of one service instance, and the committed changes on their way to them. A batch that continues the revision that the feed has seen
/// is published from memory; when it sees a gap, it reads the range from the store.
/// </summary>
/// <remarks>The lock orders publishing and attaching. A watcher's lock is taken inside it, never around it. Under it there is no I/O and no await.</remarks>
internal sealed class ServiceFeed(ServiceRecord service)
{
    private readonly Lock _gate = new();
    private readonly List<Watcher> _everybody = [];
    private readonly Dictionary<UserKey, List<Watcher>> _byKey = [];
    private readonly List<(long Revision, long Since, TaskCompletionSource Reached)> _waiting = [];
    private ServiceConfiguration _configuration = service.Configuration;
    private long _revision = service.Revision;
    private long _marked = service.Revision;
    private GapRead? _gap;
    private bool _isEnded; // nobody waits for a revision any more

    /// <summary>The store's key of the service instance.</summary>
    public long ServiceId { get; } = service.Id;

    /// <summary>The service instance.</summary>
    public ServiceSid Service { get; } = service.Sid;

    /// <summary>The revision up to which every change was handed to the watchers that were attached then.</summary>
    public long Revision => Volatile.Read(ref _revision);

    /// <summary>Whether somebody waits in <see cref="WhenReached"/>.</summary>
    public bool IsAwaited
    {
        get
        {
            lock (_gate)
                return _waiting.Count > 0;
        }
    }

    /// <summary>Whether there is a gap, and somebody reads it at present.</summary>
    public bool IsGapBeingRead
    {
        get
        {
            lock (_gate)
                return _gap is { IsBeingRead: true };
        }
    }

    /// <summary>The configuration as an object that the watchers share; each of them has read it for itself.</summary>
    public ServiceConfiguration Share(ServiceConfiguration configuration)
    {
        lock (_gate)
            return configuration.Revision == _configuration.Revision ? _configuration : _configuration = configuration;
    }

    /// <summary>Attaches a watcher: every change from now on is marked.</summary>
    public void Attach(Watcher watcher)
    {
        lock (_gate)
        {
            if (watcher.Filter.IsEverybody)
                _everybody.Add(watcher);
            foreach (var key in watcher.Filter.Keys)
            {
                ref var watchers = ref CollectionsMarshal.GetValueRefOrAddDefault(_byKey, key, out _);
                (watchers ??= new List<Watcher>(1)).Add(watcher);
            }
            watcher.Attached(_revision, Math.Max(_marked, _gap?.Target ?? 0));
        }
    }

    /// <summary>Detaches a watcher. Returns whether it was the last.</summary>
    public bool Detach(Watcher watcher)
    {
        lock (_gate)
        {
            if (watcher.Filter.IsEverybody)
                _everybody.Remove(watcher);
            foreach (var key in watcher.Filter.Keys)
            {
                if (_byKey.TryGetValue(key, out var watchers) && watchers.Remove(watcher) && watchers.Count == 0)
                    _byKey.Remove(key);
            }
            return _everybody.Count == 0 && _byKey.Count == 0;
        }
    }

    /// <summary>Takes a committed batch. Returns the gap that must be read from the store, or null.</summary>
    public GapRead? Publish(ServiceCommit commit)
    {
        lock (_gate)
        {
            if (commit.LastRevision <= _revision)
                return null;
            if (_gap is not null || commit.FirstRevision > _revision + 1)
                return OpenGap(commit.LastRevision);
            Deliver(commit.Users.AsSpan(), commit.Configurations.AsSpan(), firstDirty: null);
            Reached(commit.LastRevision);
            return null;
        }
    }

    /// <summary>A page of the gap was read. Returns whether the gap is closed.</summary>
    public bool Publish(GapRead gap, ChangesRead page, bool isLast)
    {
        lock (_gate)
        {
            if (_gap != gap)
                return true;
            var changes = new UserChange[page.Changes.Count];
            for (var i = 0; i < changes.Length; i++)
            {
                var (state, revision) = page.Changes[i];
                var reasons = state.Record?.ReasonsSince(gap.From) ?? UpdateReasons.Deleted;
                changes[i] = new UserChange(state, reasons, revision);
            }
            // A row shows only its last change: the first may be anywhere in the gap, so no bookmark may reach into it.
            Deliver(changes, [page.Service.Configuration], firstDirty: gap.From + 1);
            _marked = Math.Max(_marked, changes.Length > 0 ? changes[^1].Revision : 0);
            if (!isLast || page.Service.Revision < gap.Target)
                return false;
            _gap = null;
            Reached(page.Service.Revision);
            return true;
        }
    }

    /// <summary>Completes when every change up to the revision, which was read from the store, has been handed to the watchers.</summary>
    public Task WhenReached(long revision, long now)
    {
        lock (_gate)
        {
            if (_isEnded || _revision >= revision)
                return Task.CompletedTask;
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((revision, now, reached));
            return reached.Task;
        }
    }

    /// <summary>The gap to read because somebody has waited for a revision since before <paramref name="before"/>: no batch brought it. Null when there is none.</summary>
    public GapRead? FindOverdue(long before)
    {
        lock (_gate)
        {
            var overdue = 0L;
            foreach (var (revision, since, _) in _waiting)
            {
                if (since <= before)
                    overdue = Math.Max(overdue, revision);
            }
            if (overdue > _revision && OpenGap(overdue) is { } opened)
                return opened;
            if (_gap is not { IsBeingRead: false })
                return null;
            _gap.IsBeingRead = true;
            return _gap;
        }
    }

    /// <summary>Reading the gap failed; a later tick begins again.</summary>
    public void FailPermanently(GapRead gap)
    {
        lock (_gate)
            gap.IsBeingRead = false;
    }

    /// <summary>Ends every watch.</summary>
    public void EndAll(Func<PresenceException> reason)
    {
        foreach (var watcher in Watchers())
            watcher.EndWith(reason());
        lock (_gate)
        {
            _isEnded = true;
            foreach (var (_, _, reached) in _waiting)
                reached.TrySetResult();
            _waiting.Clear();
        }
    }

    /// <summary>The watchers at this moment.</summary>
    public IReadOnlyList<Watcher> Watchers()
    {
        lock (_gate)
            return [.. _everybody, .. _byKey.Values.SelectMany(watchers => watchers).Distinct()];
    }

    private GapRead? OpenGap(long target)
    {
        if (_gap is null)
            return _gap = new GapRead(_revision, target);
        _gap.Target = Math.Max(_gap.Target, target);
        return null;
    }

    private void Deliver(ReadOnlySpan<UserChange> changes, ReadOnlySpan<ServiceConfiguration> configurations, long? firstDirty)
    {
        var shared = _everybody.Count > 0 && !changes.IsEmpty && configurations.IsEmpty && firstDirty is null ? new SharedChanges(changes) : null;
        foreach (var watcher in _everybody)
            watcher.Take(changes, configurations, firstDirty, shared);
        if (_byKey.Count > 0 && configurations.IsEmpty)
            DeliverByKey(changes, firstDirty);
        else if (_byKey.Count > 0)
            DeliverTogether(changes, configurations, firstDirty);
    }

    private void DeliverByKey(ReadOnlySpan<UserChange> changes, long? firstDirty)
    {
        for (var i = 0; i < changes.Length; i++)
        {
            foreach (var watcher in WatchersOf(changes[i].State.Sid, changes[i].State.Identity))
                watcher.Take(changes.Slice(i, 1), [], firstDirty);
        }
    }

    /// <summary>Each watcher takes what concerns it at once. It is rare that a configuration changes.</summary>
    private void DeliverTogether(ReadOnlySpan<UserChange> changes, ReadOnlySpan<ServiceConfiguration> configurations, long? firstDirty)
    {
        var concerns = _byKey.Values.SelectMany(watchers => watchers).Distinct().ToDictionary(watcher => watcher, _ => new List<UserChange>());
        foreach (var change in changes)
        {
            foreach (var watcher in WatchersOf(change.State.Sid, change.State.Identity))
                concerns[watcher].Add(change);
        }
        foreach (var (watcher, concern) in concerns)
            watcher.Take(CollectionsMarshal.AsSpan(concern), configurations, firstDirty);
    }

    /// <summary>Those who watch the user by SID, and those who do by identity; who does both comes twice, which changes nothing.</summary>
    private IEnumerable<Watcher> WatchersOf(UserSid sid, Identity identity)
    {
        var bySid = _byKey.GetValueOrDefault(new UserKey(sid));
        var byIdentity = _byKey.GetValueOrDefault(new UserKey(identity));
        return bySid is null ? byIdentity ?? [] : byIdentity is null ? bySid : bySid.Concat(byIdentity);
    }

    private void Reached(long revision)
    {
        // Set after the marking, so that a watcher that reads the revision and then finds nothing pending owes nothing up to it.
        _marked = Math.Max(_marked, revision);
        Volatile.Write(ref _revision, revision);
        _waiting.RemoveAll(waiting => waiting.Revision <= revision && waiting.Reached.TrySetResult());
    }
}
