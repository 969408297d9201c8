using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Quotas;

/// <summary>
/// Delays the rejections of a caller that receives many. A rejection is cheap, but a caller that ignores it and calls again at once would
/// occupy a processor. Safe from any thread.
/// </summary>
/// <param name="prompt">The rate of rejections without delay, equal for all callers.</param>
internal sealed class RejectionThrottle(TokenBucketOptions prompt)
{
    private const uint GoldenSection = 2_654_435_769; // as a fraction of the type's range

    private readonly TokenBucket _prompt = new(prompt);
    private int _held;
    private uint _holds; // so far; wraps around to 0

    /// <summary>Whether the throttle is in its initial state.</summary>
    public bool IsIdle(long now) => Volatile.Read(ref _held) == 0 && _prompt.IsFull(now);

    /// <summary>
    /// Returns when the rejection may be sent: at once, or after <see cref="Limits.RejectionDelay"/> or somewhat more. If
    /// <see cref="Limits.HeldRejections"/> already wait, returns at once: bounding the memory that a caller occupies matters more than
    /// bounding the work that it causes.
    /// </summary>
    public ValueTask HoldAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        if (_prompt.TryTake(1, time.GetTimestamp(), out _))
            return ValueTask.CompletedTask;
        if (Interlocked.Increment(ref _held) <= Limits.HeldRejections)
            return new ValueTask(WaitAsync(time, cancellationToken));
        Interlocked.Decrement(ref _held);
        return ValueTask.CompletedTask;
    }

    private async Task WaitAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            await Task.Delay(NextHold(), time, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _held);
        }
    }

    /// <summary>
    /// Spreads the delays. Calls that were rejected together must not be answered together: all would return at the same time, when a whole
    /// second's tokens are available, and occupy the processor until these are used up, second after second. Multiples of the golden
    /// section are spread evenly, however many there are.
    /// </summary>
    private TimeSpan NextHold()
    {
        var part = Interlocked.Increment(ref _holds) * GoldenSection / (uint.MaxValue + 1.0);
        return Limits.RejectionDelay + (part * (Limits.MaxRejectionDelay - Limits.RejectionDelay));
    }
}
