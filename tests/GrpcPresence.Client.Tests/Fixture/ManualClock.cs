using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Client.Tests.Fixture;

/// <summary>
/// A manual clock of a client. Short waits, which precede an attempt to reconnect, can end at once: then a client reconnects without the
/// test, and everything else still waits for it.
/// </summary>
internal sealed class ManualClock : FakeTimeProvider
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan AtOnce = TimeSpan.FromMilliseconds(1); // so that a client does not spin while the server is away

    private readonly ConcurrentBag<(Predicate<TimeSpan> IsAwaited, TaskCompletionSource<TimeSpan> Set)> _observers = [];

    /// <summary>Whether a wait of less than 5 s ends at once.</summary>
    public bool EndsShortWaits { get; init; }

    /// <summary>Completes when a timer with a matching due time is created. Call it before.</summary>
    public Task<TimeSpan> WhenTimerCreated(Predicate<TimeSpan> dueTime)
    {
        var set = new TaskCompletionSource<TimeSpan>(TaskCreationOptions.RunContinuationsAsynchronously);
        _observers.Add((dueTime, set));
        return set.Task;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var endsNow = EndsShortWaits && dueTime > TimeSpan.Zero && dueTime < LongestWait;
        var timer = endsNow
            ? System.CreateTimer(callback, state, AtOnce, period)
            : base.CreateTimer(callback, state, dueTime, period);
        foreach (var (isAwaited, set) in _observers)
        {
            if (isAwaited(dueTime))
                set.TrySetResult(dueTime);
        }
        return timer;
    }
}
