using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Testing.Watching;

/// <summary>
/// All commits, as the writer published them. Their revisions must have no gaps. The tests check the promises against it. Safe from any
/// thread.
/// </summary>
/// <remarks>A commit whose outcome the writer does not know yet can be read from the store before it is published.</remarks>
public sealed class Truth
{
    private readonly Lock _gate = new(); // guards all fields
    private List<UserChange> _changes = [];
    private HashSet<long> _switches = []; // the revisions at which reachability was switched
    private Dictionary<long, UserSid> _exact = []; // the user of each revision that was published by TakeUnordered
    private long _revision;
    private TaskCompletionSource _advanced = NewSource(); // completes when the revision grows, and is replaced then

    /// <summary>The last known revision.</summary>
    public long Revision
    {
        get
        {
            lock (_gate)
                return _revision;
        }
    }

    /// <summary>The last revision that was published, or that an ended process could no longer publish.</summary>
    public long Published { get; private set; }

    /// <summary>
    /// Completes when the revision is known here. The server may read a commit from the store and send it before the writer publishes it,
    /// so a client can know a revision first.
    /// </summary>
    public async Task WhenKnownAsync(long revision)
    {
        while (true)
        {
            Task advanced;
            lock (_gate)
            {
                if (_revision >= revision)
                    return;
                advanced = _advanced.Task;
            }
            await advanced;
        }
    }

    /// <summary>Adds a published commit.</summary>
    /// <exception cref="BrokenPromiseException">Its revisions do not follow the earlier ones.</exception>
    public void Take(ServiceCommit commit)
    {
        lock (_gate)
        {
            TakeNext(commit);
            _advanced.TrySetResult();
            _advanced = NewSource();
        }
    }

    /// <summary>
    /// Adds a commit of one of several writers, which publish in any order. A commit may also be published twice, by two nodes.
    /// </summary>
    /// <exception cref="BrokenPromiseException">Another change has taken a revision of the commit.</exception>
    public void TakeUnordered(ServiceCommit commit)
    {
        lock (_gate)
        {
            foreach (var change in commit.Users)
            {
                if (_exact.TryGetValue(change.Revision, out var other) && other != change.State.Sid)
                    throw new BrokenPromiseException("OneTimeline", $"revision {change.Revision} was taken twice");
                _exact[change.Revision] = change.State.Sid;
            }
            // Changes that were read from the store are less exact.
            _changes.RemoveAll(change => change.Revision >= commit.FirstRevision && change.Revision <= commit.LastRevision);
            _changes.AddRange(commit.Users);
            TakeSwitches(commit);
            _changes.Sort((a, b) => a.Revision.CompareTo(b.Revision));
            _revision = Math.Max(_revision, commit.LastRevision);
            Published = _revision;
            _advanced.TrySetResult();
            _advanced = NewSource();
        }
    }

    /// <summary>
    /// Adds a commit that does not list all of its changes. <see cref="Learn"/> must have added what the store shows of it.
    /// </summary>
    /// <exception cref="BrokenPromiseException">Another change has taken a revision of the commit.</exception>
    public void TakePartial(ServiceCommit commit)
    {
        lock (_gate)
        {
            foreach (var change in commit.Users)
            {
                if (_exact.TryGetValue(change.Revision, out var other) && other != change.State.Sid)
                    throw new BrokenPromiseException("OneTimeline", $"revision {change.Revision} was taken twice");
                _exact[change.Revision] = change.State.Sid;
                _changes.RemoveAll(known => known.Revision == change.Revision);
                _changes.Add(change);
            }
            _changes.Sort((a, b) => a.Revision.CompareTo(b.Revision));
            Published = _revision;
            _advanced.TrySetResult();
            _advanced = NewSource();
        }
    }

    /// <summary>Adds changes that are only in the store, which shows one change per user.</summary>
    public void Learn(ChangesRead stored)
    {
        lock (_gate)
        {
            foreach (var (state, revision) in stored.Changes)
                _changes.Add(new UserChange(state, state.Record?.ReasonsSince(_revision) ?? UpdateReasons.Deleted, revision));
            _revision = stored.Service.Revision;
            _switches.Add(stored.Service.Configuration.SwitchRevision);
        }
    }

    /// <summary>Notes that the process ended and will not publish any more.</summary>
    public void EndProcess()
    {
        lock (_gate)
            Published = _revision;
    }

    /// <summary>Returns a copy, for a backup.</summary>
    public Truth Copy()
    {
        lock (_gate)
        {
            return new()
            {
                _changes = [.. _changes],
                _switches = [.. _switches],
                _exact = new(_exact),
                _revision = _revision,
                Published = _revision,
            };
        }
    }

    /// <summary>
    /// Replaces everything with a restored backup. Later commits never happened. Nobody may change the backup meanwhile.
    /// </summary>
    public void Become(Truth backup)
    {
        lock (_gate)
        {
            _changes = [.. backup._changes];
            _switches = [.. backup._switches];
            _exact = new(backup._exact);
            _revision = backup._revision;
            Published = backup.Published;
        }
    }

    /// <summary>Returns what changed about the user in (after, upTo], according to the changes of the user's own row.</summary>
    public UpdateReasons ReasonsBetween(UserSid user, long after, long upTo) =>
        ChangesOf(user).Where(change => change.Revision > after && change.Revision <= upTo)
            .Aggregate(UpdateReasons.None, (reasons, change) => reasons | change.Reasons);

    /// <summary>Whether reachability was switched on or off in (after, upTo].</summary>
    public bool IsSwitchedBetween(long after, long upTo)
    {
        lock (_gate)
            return _switches.Any(revision => revision > after && revision <= upTo);
    }

    /// <summary>Whether the user was deleted.</summary>
    public bool IsDeleted(UserSid user) => ChangesOf(user).Any(change => change.State.IsDeleted);

    /// <summary>
    /// Returns the revision of the user's last change with one of the reasons, up to the revision; 0 if it does not exist.
    /// </summary>
    public long LastChange(UserSid user, UpdateReasons reasons, long upTo) =>
        ChangesOf(user).LastOrDefault(change => change.Revision <= upTo && (change.Reasons & reasons) != 0).Revision;

    /// <summary>All users that ever existed, by SID.</summary>
    public IReadOnlyList<(UserSid Sid, Identity Identity)> Everybody
    {
        get
        {
            lock (_gate)
                return [.. _changes.Select(change => (change.State.Sid, change.State.Identity)).Distinct()];
        }
    }

    private List<UserChange> ChangesOf(UserSid user)
    {
        lock (_gate)
            return _changes.FindAll(change => change.State.Sid == user);
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void TakeSwitches(ServiceCommit commit)
    {
        _switches.Add(commit.Service.Configuration.SwitchRevision);
        foreach (var configuration in commit.Configurations)
            _switches.Add(configuration.SwitchRevision);
    }

    private void TakeNext(ServiceCommit commit)
    {
        if (commit.LastRevision <= Published)
            return;
        if (commit.FirstRevision != Published + 1)
            throw new BrokenPromiseException("Revisions", $"{commit.FirstRevision} follows {Published}");
        var taken = commit.Users.Select(change => change.Revision)
            .Concat(commit.Configurations.Select(configuration => configuration.Revision)).Order();
        if (!taken.SequenceEqual(Enumerable.Range(0, (int)(commit.LastRevision - Published)).Select(i => commit.FirstRevision + i)))
            throw new BrokenPromiseException("Revisions", $"a commit up to {commit.LastRevision} has gaps");
        // Changes that were read from the store are less exact.
        _changes.RemoveAll(change => change.Revision >= commit.FirstRevision);
        _changes.AddRange(commit.Users);
        TakeSwitches(commit);
        Published = commit.LastRevision;
        _revision = Math.Max(_revision, Published);
    }
}
