using System.Runtime.CompilerServices;
using GrpcPresence.Client.Connections;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Watching;

/// <summary>
/// The updates that one reader has not read yet: at most one for each user, in the order of the first change. A user that was created and
/// deleted since the reader last read leaves nothing, so the queue holds no more users than the watch knows or the reader knew.
/// </summary>
internal sealed class UpdateQueue
{
    private readonly Lock _gate = new(); // guards the fields below; nothing is called under it
    private readonly LinkedList<UserUpdate> _pending = [];
    private readonly Dictionary<string, LinkedListNode<UserUpdate>> _bySid = new(StringComparer.Ordinal);
    private readonly WakeUp _wakeUp = new();
    private bool _isCompleted;
    private Exception? _error;

    /// <summary>Adds a change.</summary>
    public void Add(UserUpdate update)
    {
        lock (_gate)
        {
            if (!_bySid.TryGetValue(update.User.Sid, out var pending))
                _bySid[update.User.Sid] = _pending.AddLast(update);
            else if (!update.IsDeleted)
                pending.Value = update with { Previous = pending.Value.Previous, UpdateReasons = Union(pending.Value, update) };
            else if (pending.Value.Previous is not null)
                pending.Value = update with { Previous = pending.Value.Previous };
            else
                Remove(pending);
        }
        _wakeUp.Set();
    }

    /// <summary>Adds nothing more. The reader gets the error, if any, after what is pending.</summary>
    public void Complete(Exception? error)
    {
        lock (_gate)
            (_isCompleted, _error) = (true, error);
        _wakeUp.Set();
    }

    /// <summary>Reads until the queue is complete.</summary>
    public async IAsyncEnumerable<UserUpdate> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (TryTake(out var update, out var isCompleted))
                yield return update;
            else if (isCompleted)
                break;
            else
                await _wakeUp.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        if (_error is not null)
            throw _error;
    }

    private bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out UserUpdate? update, out bool isCompleted)
    {
        lock (_gate)
        {
            (update, isCompleted) = (_pending.First?.Value, _isCompleted);
            if (_pending.First is { } first)
                Remove(first);
            return update is not null;
        }
    }

    private void Remove(LinkedListNode<UserUpdate> node)
    {
        _bySid.Remove(node.Value.User.Sid);
        _pending.Remove(node);
    }

    // A user that was deleted and is there again, which a restored backup brings about, is not deleted.
    private static UpdateReason[] Union(UserUpdate earlier, UserUpdate later) =>
        [.. earlier.UpdateReasons.Where(reason => reason != UpdateReason.Deleted).Union(later.UpdateReasons)];
}
