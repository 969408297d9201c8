using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// A call of the store, at most one at a time, whose result the loop of the node takes when it is complete. After an error, the next call
/// waits for <see cref="Limits.StoreRetry"/>. Used only by that loop.
/// </summary>
/// <typeparam name="TKey">What the call is about.</typeparam>
/// <typeparam name="TResult">The result.</typeparam>
/// <param name="kind">Which call it is.</param>
/// <param name="clock">The clock of the node.</param>
/// <param name="wake">Wakes the loop.</param>
internal sealed class StoreCall<TKey, TResult>(StoreCallKind kind, NodeClock clock, Action wake) : IStoreCall
{
    private Task<TResult>? _task;
    private TKey _key = default!;
    private TimeSpan _pausedUntil;
    private Action? _cancel; // the last call of Replace; null before the first
    private TimeSpan? _waitingSince; // the first call without an answer; a later one may have replaced it
    private int _failures; // since the last call that succeeded
    private string? _error; // the type of the last of them

    /// <summary>Whether a call is in progress, or its result was not taken yet.</summary>
    public bool IsBusy => _task is not null;

    /// <summary>Whether the next call may begin.</summary>
    public bool MayBegin => !IsBusy && !IsPaused;

    /// <summary>Whether the next call has to wait because the last one has failed.</summary>
    public bool IsPaused => clock.Now < _pausedUntil;

    /// <summary>Begins a call.</summary>
    public void Begin(TKey key, ValueTask<TResult> call)
    {
        if (IsBusy)
            NoteFailure("no answer");
        (_key, _task) = (key, call.AsTask());
        _waitingSince ??= clock.Now;
        if (!_task.IsCompleted)
        {
            _task.ContinueWith(
                static (task, wake) =>
                {
                    _ = task.Exception; // observed: a later call may have replaced this one
                    ((Action)wake!)();
                },
                wake, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    /// <summary>
    /// Begins a call. If another one is in progress, cancels it: nobody waits for it any more, and a late answer counts for nothing.
    /// </summary>
    public void Replace(TKey key, Func<CancellationToken, ValueTask<TResult>> call)
    {
        Cancel();
        var calling = new CancellationTokenSource();
        _cancel = () =>
        {
            calling.Cancel();
            calling.Dispose();
        };
        Begin(key, call(calling.Token));
    }

    /// <summary>Cancels what <see cref="Replace"/> has begun.</summary>
    public void Cancel()
    {
        _cancel?.Invoke();
        _cancel = null;
    }

    /// <summary>Takes the result of a complete call.</summary>
    /// <param name="key">What the call is about.</param>
    /// <param name="result">The result, unless there is an error.</param>
    /// <param name="error">What the call has thrown, or null.</param>
    public bool TryTake(out TKey key, out TResult result, out Exception? error)
    {
        (key, result, error) = (_key, default!, null);
        if (_task is not { IsCompleted: true } task)
            return false;
        (_task, _waitingSince) = (null, null);
        if (task.IsCompletedSuccessfully)
            result = task.Result;
        else
            error = task.Exception?.InnerException ?? new OperationCanceledException();
        if (error is not null)
        {
            NoteFailure(error.GetType().Name);
            Pause();
        }
        else
        {
            (_failures, _error) = (0, null);
        }
        return true;
    }

    /// <inheritdoc/>
    public StoreCallStatus Read() => new(kind, _waitingSince is { } since ? clock.Now - since : null, _failures, _error);

    /// <summary>Lets the next call wait, because its answer would be the same now.</summary>
    public void Pause() => _pausedUntil = clock.Now + Limits.StoreRetry;

    private void NoteFailure(string error) => (_failures, _error) = (_failures + 1, error);
}
