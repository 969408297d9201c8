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

    // As the system's clock.
    private static readonly TimeSpan LongestTimer = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    private long _suspended; // ticks

    private int _timers;
    private TaskCompletionSource _timersChanged = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Whether a wait of less than 5 s ends at once.</summary>
    public bool EndsShortWaits { get; init; }

    /// <summary>Suspends the machine: only the wall clock goes on.</summary>
    public void Suspend(TimeSpan duration) => Interlocked.Add(ref _suspended, duration.Ticks);

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow().AddTicks(Interlocked.Read(ref _suspended));

    public override long GetTimestamp() => base.GetUtcNow().Ticks;

    /// <summary>Waits until so many timers exist.</summary>
    public async Task UntilTimersAsync(int count)
    {
        while (true)
        {
            var changed = Volatile.Read(ref _timersChanged).Task;
            if (Volatile.Read(ref _timers) == count)
                return;
            await Barrier.Within(changed, $"{count} timers existed, and not {Volatile.Read(ref _timers)}");
        }
    }

    /// <summary>Completes when a timer with a matching due time is created. Call it before.</summary>
    public Task<TimeSpan> WhenTimerCreated(Predicate<TimeSpan> dueTime)
    {
        var set = new TaskCompletionSource<TimeSpan>(TaskCreationOptions.RunContinuationsAsynchronously);
        _observers.Add((dueTime, set));
        return set.Task;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(dueTime, LongestTimer);
        var endsNow = EndsShortWaits && dueTime > TimeSpan.Zero && dueTime < LongestWait;
        var timer = endsNow
            ? System.CreateTimer(callback, state, AtOnce, period)
            : base.CreateTimer(callback, state, dueTime, period);
        foreach (var (isAwaited, set) in _observers)
        {
            if (isAwaited(dueTime))
                set.TrySetResult(dueTime);
        }
        return new CountedTimer(this, timer);
    }

    private void Count(int change)
    {
        Interlocked.Add(ref _timers, change);
        Interlocked.Exchange(ref _timersChanged, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    private sealed class CountedTimer : ITimer
    {
        private readonly ManualClock _clock;
        private readonly ITimer _timer;
        private int _isDisposed;

        public CountedTimer(ManualClock clock, ITimer timer)
        {
            (_clock, _timer) = (clock, timer);
            clock.Count(1);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(dueTime, LongestTimer);
            return _timer.Change(dueTime, period);
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
                _clock.Count(-1);
            _timer.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
