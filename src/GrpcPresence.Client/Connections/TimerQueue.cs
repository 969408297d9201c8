namespace GrpcPresence.Client.Connections;

/// <summary>
/// Runs all timers of a client over one timer of the clock. With access tokens each user has a stream, and each stream needs a few timers:
/// ten thousand users would otherwise keep thirty thousand timers of the clock.
/// </summary>
internal sealed class TimerQueue : IDisposable
{
    // While the machine is suspended, timers stand still, and so does the monotonic clock of Linux and macOS. The wall clock shows it to a
    // queue that looks at it this often. A longer wait goes on when this one is over.
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    // So much more must have passed on the wall clock, which is also set now and then.
    private static readonly TimeSpan ShortestSuspension = TimeSpan.FromSeconds(5);

    // Timers are not more exact than that. What is closer together than that is due together, so that setting a timer again and again does
    // not add an entry each time.
    private static readonly TimeSpan Resolution = TimeSpan.FromMilliseconds(1);

    private readonly Lock _gate = new(); // guards the fields below, and those of the timers; no timer's callback runs under it
    private readonly PriorityQueue<QueuedTimer, TimeSpan> _queue = new(); // may hold entries that are out of date
    private int _outdated; // how many entries are out of date
    private readonly TimeProvider _time;
    private readonly long _startedAt;
    private readonly ITimer _timer;
    private TimeSpan _firesAt = TimeSpan.MaxValue;
    private long _offset; // of the wall clock from the monotonic one, in ticks, at the last look

    public TimerQueue(TimeProvider time)
    {
        _time = time;
        _startedAt = time.GetTimestamp();
        _timer = BackgroundWork.WithoutContext(() => time.CreateTimer(
            static self => ((TimerQueue)self!).Fire(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan));
    }

    /// <summary>
    /// The machine was suspended and runs again, or the wall clock was set forward. Called within 10 s of it while a timer is set, outside
    /// the lock.
    /// </summary>
    public event Action? Resumed;

    private TimeSpan Now => _time.GetElapsedTime(_startedAt);

    /// <summary>Creates a timer, which is not set. Its callback must not block.</summary>
    public QueuedTimer Create(Action onElapsed) => new(this, onElapsed);

    /// <summary>How many entries the queue holds, with those that are out of date.</summary>
    internal int Entries
    {
        get
        {
            lock (_gate)
                return _queue.Count;
        }
    }

    public void Dispose() => _timer.Dispose();

    /// <summary>Sets the timer to elapse once after the delay, or not at all if it is null.</summary>
    internal void Set(QueuedTimer timer, TimeSpan? delay)
    {
        lock (_gate)
        {
            if (timer.OnElapsed is null)
                return;
            var now = Now;
            timer.DueAt = delay is not { } wait ? TimeSpan.MaxValue
                : wait <= TimeSpan.Zero ? now
                : wait < TimeSpan.MaxValue - now ? now + wait
                : TimeSpan.MaxValue;
            // An entry that comes too early is put back when it comes.
            if (timer.DueAt < timer.QueuedAt - Resolution)
                Enqueue(timer);
        }
    }

    /// <summary>
    /// Ends the timer. Its callback refers to the stream that the timer belonged to, and its entry may be due only in a day: neither may
    /// keep the stream in memory until then.
    /// </summary>
    internal void Remove(QueuedTimer timer)
    {
        lock (_gate)
        {
            if (timer.QueuedAt < TimeSpan.MaxValue)
                _outdated++;
            (timer.OnElapsed, timer.DueAt, timer.QueuedAt) = (null, TimeSpan.MaxValue, TimeSpan.MaxValue);
            // Removing one entry would search the whole queue. Removing half of them at once costs little for each.
            if (2 * _outdated > _queue.Count)
                RemoveOutdated();
        }
    }

    // The caller holds the lock.
    private void RemoveOutdated()
    {
        // A timer may have two entries of the same time, one of which is out of date.
        var entries = _queue.UnorderedItems.Where(entry => entry.Priority == entry.Element.QueuedAt).Distinct().ToArray();
        _queue.Clear();
        _queue.EnqueueRange(entries);
        _outdated = 0;
    }

    // The caller holds the lock.
    private void Enqueue(QueuedTimer timer)
    {
        if (timer.QueuedAt < TimeSpan.MaxValue)
            _outdated++;
        timer.QueuedAt = timer.DueAt;
        _queue.Enqueue(timer, timer.DueAt);
        if (timer.DueAt < _firesAt)
            FireAt(timer.DueAt);
    }

    // The caller holds the lock.
    private void FireAt(TimeSpan at)
    {
        // Without a timer, nothing looked at the clocks.
        if (_firesAt == TimeSpan.MaxValue)
            _offset = Offset();
        _firesAt = at;
        // Timers cut off what is less than a millisecond, and would fire too early.
        var milliseconds = Math.Ceiling((at - Now).TotalMilliseconds);
        _timer.Change(
            TimeSpan.FromMilliseconds(Math.Clamp(milliseconds, 0, LongestWait.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
    }

    private void Fire()
    {
        List<Action> elapsed = [];
        bool wasSuspended;
        lock (_gate)
        {
            var offset = Offset();
            wasSuspended = offset - _offset >= ShortestSuspension.Ticks;
            _offset = offset;
            _firesAt = TimeSpan.MaxValue;
            var now = Now;
            while (_queue.TryPeek(out var timer, out var at) && at <= now)
            {
                _queue.Dequeue();
                if (at != timer.QueuedAt)
                {
                    _outdated--; // an earlier entry took its place, or the timer was disposed of
                    continue;
                }
                timer.QueuedAt = TimeSpan.MaxValue;
                if (timer.DueAt <= now)
                {
                    timer.DueAt = TimeSpan.MaxValue;
                    elapsed.Add(timer.OnElapsed!);
                }
                else if (timer.DueAt < TimeSpan.MaxValue)
                {
                    Enqueue(timer);
                }
            }
            if (_queue.TryPeek(out _, out var next) && next < _firesAt)
                FireAt(next);
        }
        if (wasSuspended)
            Resumed?.Invoke();
        foreach (var onElapsed in elapsed)
            onElapsed();
    }

    private long Offset() => _time.GetUtcNow().Ticks - Now.Ticks;
}

/// <summary>A timer of a <see cref="TimerQueue"/>.</summary>
internal sealed class QueuedTimer(TimerQueue queue, Action onElapsed) : IDisposable
{
    /// <summary>What runs when the timer elapses; null once it is disposed of. The queue's lock guards it.</summary>
    internal Action? OnElapsed { get; set; } = onElapsed;

    /// <summary>When the timer elapses; the maximum if it is not set. The queue's lock guards it.</summary>
    internal TimeSpan DueAt { get; set; } = TimeSpan.MaxValue;

    /// <summary>The timer's earliest entry in the queue; the maximum if it has none. The queue's lock guards it.</summary>
    internal TimeSpan QueuedAt { get; set; } = TimeSpan.MaxValue;

    /// <summary>Makes the timer elapse once after the delay, instead of when it was set to before.</summary>
    public void Set(TimeSpan delay) => queue.Set(this, delay);

    /// <summary>Keeps the timer from elapsing.</summary>
    public void Stop() => queue.Set(this, null);

    /// <summary>Ends the timer. Setting it again has no effect.</summary>
    public void Dispose() => queue.Remove(this);
}
