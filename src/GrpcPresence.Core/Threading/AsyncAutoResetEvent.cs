using System.Threading.Tasks.Sources;

namespace GrpcPresence.Core.Threading;

/// <summary>
/// Wakes one waiter. A <see cref="Set"/> without a waiter is kept for the next wait; several of them count once. Any thread may call <see
/// cref="Set"/>; only one caller waits at a time.
/// </summary>
/// <remarks>
/// A wait allocates nothing, because every idle watch waits again after each message. A waiter continues on the thread pool, never inside
/// <see cref="Set"/>, so <see cref="Set"/> may be called under a lock.
/// </remarks>
/// <param name="isResumed">Whether each caller of <see cref="Set"/> says where a waiter continues.</param>
internal class AsyncAutoResetEvent(bool isResumed = false) : IValueTaskSource
{
    private const int Idle = 0;
    private const int Signaled = 1;
    private const int Awaited = 2;

    private ManualResetValueTaskSourceCore<bool> _waiter = new() { RunContinuationsAsynchronously = !isResumed };
    private int _state = Idle;

    public bool IsSet => Volatile.Read(ref _state) == Signaled;

    public bool IsAwaited => Volatile.Read(ref _state) == Awaited;

    /// <summary>What lets a waiter continue if <see cref="Set"/> does not say it; null for the thread pool.</summary>
    protected virtual Action<Action>? Resume => null;

    /// <summary>Sets the event.</summary>
    /// <param name="resume">Runs what it gets later, and thereby a waiter; null for the thread pool.</param>
    public void Set(Action<Action>? resume = null)
    {
        // Exchange even if the event is set already: the full fence publishes what the caller wrote before to a waiter that resets the
        // event right now.
        int before;
        do
        {
            before = Volatile.Read(ref _state);
        }
        while (Interlocked.CompareExchange(ref _state, before == Awaited ? Idle : Signaled, before) != before);
        if (before != Awaited)
            return;
        resume ??= Resume;
        if (resume is null)
            _waiter.SetResult(true);
        else
            resume(() => _waiter.SetResult(true));
    }

    /// <summary>Waits until the event is set, and resets it.</summary>
    /// <exception cref="InvalidOperationException">Another caller waits already.</exception>
    public ValueTask WaitAsync()
    {
        if (IsAwaited)
            throw new InvalidOperationException("Only one caller may wait at a time.");
        // Prepare the waiter before its state is visible: from then on Set completes it.
        _waiter.Reset();
        if (Interlocked.CompareExchange(ref _state, Awaited, Idle) == Idle)
            return new ValueTask(this, _waiter.Version);
        Interlocked.Exchange(ref _state, Idle);
        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// Waits until the event is set, and resets it. A cancelled wait may also reset an event that was set at the same time.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        // Cancellation wakes the waiter like any other signal: a registration as a field would cost every idle watch 24 bytes.
        using (cancellationToken.UnsafeRegister(static self => ((AsyncAutoResetEvent)self!).Set(), this))
            await WaitAsync().ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
    }

    void IValueTaskSource.GetResult(short token) => _waiter.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _waiter.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _waiter.OnCompleted(continuation, state, token, flags);
}
