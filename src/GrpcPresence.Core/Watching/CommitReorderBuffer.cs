using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// Commits of one service instance that arrived before an earlier one, in the order of their revisions. The lock of the feed guards this
/// object.
/// </summary>
internal sealed class CommitReorderBuffer
{
    private readonly SortedList<long, Held> _commits = []; // by first revision

    /// <summary>The first revision of the earliest commit; null while no commit is held.</summary>
    public long? FirstRevision => _commits.Count > 0 ? _commits.GetKeyAtIndex(0) : null;

    /// <summary>When the commit that has waited longest arrived; null while no commit is held.</summary>
    public long? WaitingSince
    {
        get
        {
            long? since = null;
            foreach (var held in _commits.Values)
                since = Math.Min(since ?? long.MaxValue, held.Since);
            return since;
        }
    }

    /// <summary>
    /// Holds a commit, which is ignored if it is held already. Returns the latest commit if that is one too many, because it would be
    /// needed last.
    /// </summary>
    public ServiceCommit? Add(ServiceCommit commit, long now)
    {
        if (!_commits.TryAdd(commit.FirstRevision, new Held(commit, now)) || _commits.Count <= Limits.HeldCommits)
            return null;
        var last = _commits.GetValueAtIndex(_commits.Count - 1).Commit;
        _commits.RemoveAt(_commits.Count - 1);
        return last;
    }

    /// <summary>Drops the commits up to the revision, and takes the one that continues it; null if that has not arrived.</summary>
    public ServiceCommit? TakeNext(long revision)
    {
        while (_commits.Count > 0)
        {
            var next = _commits.GetValueAtIndex(0).Commit;
            if (next.FirstRevision > revision + 1)
                return null;
            _commits.RemoveAt(0);
            if (next.LastRevision > revision)
                return next;
        }
        return null;
    }

    private readonly record struct Held(ServiceCommit Commit, long Since);
}
