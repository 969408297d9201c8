using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Presence;

/// <summary>Those who wait for a cell to be stored. An object of its own, because most cells have none. Guarded by the cell's gate.</summary>
internal sealed class StoredWaiters
{
    private TaskCompletionSource? _queued; // wait for the state that the next take will see
    private TaskCompletionSource? _taken; // wait for the transaction that runs now

    /// <summary>Whether nobody waits.</summary>
    public bool IsEmpty => _queued is null && _taken is null;

    /// <summary>Completes when the state that the next take will see is stored.</summary>
    public Task Queued => (_queued ??= New()).Task;

    /// <summary>Completes when the transaction that runs now is stored.</summary>
    public Task Taken => (_taken ??= New()).Task;

    /// <summary>The cell was taken.</summary>
    public void Take() => (_taken, _queued) = (_queued, null);

    /// <summary>What was taken is stored.</summary>
    public void Complete()
    {
        _taken?.TrySetResult();
        _taken = null;
    }

    /// <summary>What was taken could not be stored.</summary>
    public void FailTaken(PresenceException reason) => Fail(ref _taken, reason);

    /// <summary>What is queued will not be stored now.</summary>
    public void FailQueued(PresenceException reason) => Fail(ref _queued, reason);

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static void Fail(ref TaskCompletionSource? waiters, PresenceException reason)
    {
        if (waiters is null)
            return;
        waiters.TrySetException(reason);
        _ = waiters.Task.Exception; // observed: a caller may have gone away
        waiters = null;
    }
}
