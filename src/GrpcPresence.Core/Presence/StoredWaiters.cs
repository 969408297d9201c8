using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The callers that wait until a user's transition is stored. A separate object, because most users have no waiting caller. Guarded by the
/// part's lock.
/// </summary>
internal sealed class StoredWaiters
{
    private TaskCompletionSource? _queued; // for the state that the next take will see
    private TaskCompletionSource? _taken; // for the commit that runs now

    public bool IsEmpty => _queued is null && _taken is null;

    /// <summary>Completes when the state that the next take will see is stored.</summary>
    public Task Queued => (_queued ??= NewSource()).Task;

    /// <summary>Completes when the commit that runs now has happened.</summary>
    public Task Taken => (_taken ??= NewSource()).Task;

    public void MoveQueuedToTaken() => (_taken, _queued) = (_queued, null);

    public void Complete()
    {
        _taken?.TrySetResult();
        _taken = null;
    }

    public void FailTaken(PresenceException reason) => Fail(ref _taken, reason);

    public void FailQueued(PresenceException reason) => Fail(ref _queued, reason);

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static void Fail(ref TaskCompletionSource? waiters, PresenceException reason)
    {
        if (waiters is null)
            return;
        waiters.TrySetException(reason);
        _ = waiters.Task.Exception; // observed, because the caller may be gone
        waiters = null;
    }
}
