using GrpcPresence.Core.Changes;
using GrpcPresence.Core.Changes.Store;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>
/// All that was ever committed, as the writer published it: the revisions must be gapless. What a promise is held against.
/// </summary>
/// <remarks>A commit whose outcome the writer does not know yet can be read from the store before it is published.</remarks>
internal sealed class Truth
{
    private List<UserChange> _changes = [];

    /// <summary>The last revision that is known here.</summary>
    public long Revision { get; private set; }

    /// <summary>The last revision that was published, or that a process which ended could not publish any more.</summary>
    public long Published { get; private set; }

    public void Take(ServiceCommit commit)
    {
        if (commit.LastRevision <= Published)
            return;
        if (commit.FirstRevision != Published + 1)
            throw new BrokenPromise("Revisions", $"{commit.FirstRevision} follows {Published}");
        var taken = commit.Users.Select(change => change.Revision).Concat(commit.Configurations.Select(configuration => configuration.Revision)).Order();
        if (!taken.SequenceEqual(Enumerable.Range(0, (int)(commit.LastRevision - Published)).Select(i => commit.FirstRevision + i)))
            throw new BrokenPromise("Revisions", $"a commit up to {commit.LastRevision} has gaps");
        // What was learned from the store is less exact.
        _changes.RemoveAll(change => change.Revision >= commit.FirstRevision);
        _changes.AddRange(commit.Users);
        Published = commit.LastRevision;
        Revision = Math.Max(Revision, Published);
    }

    /// <summary>What is in the store alone, where each user shows one change.</summary>
    public void Learn(ChangesRead stored)
    {
        foreach (var (state, revision) in stored.Changes)
            _changes.Add(new UserChange(state, state.Record?.ReasonsSince(Revision) ?? UpdateReasons.Deleted, revision));
        Revision = stored.Service.Revision;
    }

    /// <summary>The process ended: what it had not published by then, it will not.</summary>
    public void EndProcess() => Published = Revision;

    /// <summary>As it is now: what a backup holds.</summary>
    public Truth Copy() => new() { _changes = [.. _changes], Revision = Revision, Published = Revision };

    /// <summary>A backup took the place of what was committed; what is newer never was.</summary>
    public void Become(Truth backup)
    {
        _changes = [.. backup._changes];
        Revision = backup.Revision;
        Published = backup.Published;
    }

    /// <summary>What changed about the user in (after, upTo], as far as the changes of the user's own row tell.</summary>
    public UpdateReasons ReasonsBetween(UserSid user, long after, long upTo) =>
        _changes.Where(change => change.State.Sid == user && change.Revision > after && change.Revision <= upTo)
            .Aggregate(UpdateReasons.None, (reasons, change) => reasons | change.Reasons);

    /// <summary>Whether the user was deleted.</summary>
    public bool IsDeleted(UserSid user) => _changes.Any(change => change.State.Sid == user && change.State.IsDeleted);

    /// <summary>The revision of the user's last change with one of the reasons, up to the revision; 0 when there is none.</summary>
    public long LastChange(UserSid user, UpdateReasons reasons, long upTo) =>
        _changes.LastOrDefault(change => change.State.Sid == user && change.Revision <= upTo && (change.Reasons & reasons) != 0).Revision;

    /// <summary>Everybody there ever was, by SID.</summary>
    public IEnumerable<(UserSid Sid, string Identity)> Everybody =>
        _changes.Select(change => (change.State.Sid, change.State.Identity.ToString())).Distinct();
}
