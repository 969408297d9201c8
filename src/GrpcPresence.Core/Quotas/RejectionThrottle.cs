using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Quotas;

/// <summary>
/// Holds back the refusals of a caller who makes many of them: to be refused is cheap, but a caller who ignores it and calls again at once would take
/// a processor by that alone. Safe from any thread.
/// </summary>
/// <param name="prompt">How many are answered at once; shared by all callers.</param>
internal sealed class RejectionThrottle(TokenBucketOptions prompt)
{
    private const uint GoldenSection = 2_654_435_769; // of the range of its type

    private readonly TokenBucket _prompt = new(prompt);
    private int _held;
    private uint _holds; // so far, and then from 0 again

    /// <summary>Whether it is as new.</summary>
    public bool IsIdle(long now) => Volatile.Read(ref _held) == 0 && _prompt.IsFull(now);

    /// <summary>
    /// Returns when the refusal may be sent: at once, or after <see cref="Limits.RefusalHold"/> or somewhat more. When <see cref="Limits.HeldRefusals"/> wait already it
    /// is at once again: what a caller makes the server keep is bounded before what it makes it do.
    /// </summary>
    public ValueTask HoldAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        if (_prompt.TryTake(1, time.GetTimestamp(), out _))
            return ValueTask.CompletedTask;
        if (Interlocked.Increment(ref _held) <= Limits.HeldRefusals)
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
    /// Whose calls are refused together must not be answered together: they would all be back at once, when a whole second's room has come together, and
    /// take the processor until it is used up, second after second. Multiples of the golden section are spread evenly, however many there are.
    /// </summary>
    private TimeSpan NextHold()
    {
        var part = Interlocked.Increment(ref _holds) * GoldenSection / (uint.MaxValue + 1.0);
        return Limits.RefusalHold + (part * (Limits.MaxRefusalHold - Limits.RefusalHold));
    }
}
