using GrpcPresence.Client.Connections;
using GrpcPresence.Client.Tests.Fixture;

namespace GrpcPresence.Client.Tests.Connections;

/// <summary>Tests the timers of a client, which share one timer of the clock.</summary>
public sealed class TimerQueueTests : IDisposable
{
    private readonly ManualClock _clock = new();
    private readonly TimerQueue _timers;
    private readonly List<string> _elapsed = [];

    public TimerQueueTests() => _timers = new TimerQueue(_clock);

    public void Dispose() => _timers.Dispose();

    [Fact]
    public void Each_timer_elapses_once_at_its_time()
    {
        Create("late").Set(TimeSpan.FromSeconds(3));
        Create("early").Set(TimeSpan.FromSeconds(1));
        Create("never").Stop();

        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(["early"], _elapsed);
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(["early", "late"], _elapsed);
        _clock.Advance(TimeSpan.FromSeconds(100));
        Assert.Equal(["early", "late"], _elapsed);
    }

    [Fact]
    public void A_timer_that_is_set_again_elapses_only_at_the_new_time()
    {
        var timer = Create("timer");
        timer.Set(TimeSpan.FromSeconds(1));
        timer.Set(TimeSpan.FromSeconds(5));

        _clock.Advance(TimeSpan.FromSeconds(4));
        Assert.Empty(_elapsed);
        timer.Set(TimeSpan.FromSeconds(0.5));
        _clock.Advance(TimeSpan.FromSeconds(0.5));
        Assert.Equal(["timer"], _elapsed);
        _clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(["timer"], _elapsed);
    }

    [Fact]
    public void A_timer_that_is_stopped_or_disposed_of_does_not_elapse()
    {
        var (stopped, disposed) = (Create("stopped"), Create("disposed"));
        stopped.Set(TimeSpan.FromSeconds(1));
        disposed.Set(TimeSpan.FromSeconds(1));

        stopped.Stop();
        disposed.Dispose();
        _clock.Advance(TimeSpan.FromSeconds(2));

        Assert.Empty(_elapsed);
    }

    [Fact]
    public void A_timer_may_wait_for_longer_than_those_of_the_clock()
    {
        Create("year").Set(TimeSpan.FromDays(365));
        Create("never").Set(TimeSpan.MaxValue);

        for (var day = 0; day < 364; day++)
            _clock.Advance(TimeSpan.FromDays(1));
        Assert.Empty(_elapsed);
        _clock.Advance(TimeSpan.FromDays(1));

        Assert.Equal(["year"], _elapsed);
    }

    [Fact]
    public void A_timer_that_elapses_may_set_itself_again()
    {
        QueuedTimer? timer = null;
        timer = _timers.Create(() =>
        {
            _elapsed.Add("again");
            timer!.Set(TimeSpan.FromSeconds(1));
        });
        timer.Set(TimeSpan.Zero);

        for (var second = 0; second < 3; second++)
            _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.InRange(_elapsed.Count, 3, 4);
    }

    [Fact]
    public void Timers_that_are_disposed_of_leave_no_entries_in_the_queue()
    {
        Create("live").Set(TimeSpan.FromHours(1));
        var disposed = Enumerable.Range(0, 1000).Select(i => Create($"disposed {i}")).ToList();
        foreach (var timer in disposed)
        {
            timer.Set(TimeSpan.FromDays(1));
            timer.Set(TimeSpan.FromHours(23)); // an entry out of date
        }

        disposed.ForEach(timer => timer.Dispose());

        Assert.InRange(_timers.Entries, 1, 2);
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(["live"], _elapsed);
        Assert.InRange(_timers.Entries, 0, 1);
    }

    [Fact]
    public void Timers_that_are_disposed_of_keep_nothing_in_memory()
    {
        var (timer, stream) = DisposeOfOne();

        GC.Collect();

        Assert.False(stream.IsAlive);
        timer.Set(TimeSpan.FromSeconds(1));
        _clock.Advance(TimeSpan.FromDays(2));
        Assert.Empty(_elapsed);
    }

    // In a method of its own, so that no local refers to the object any more.
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private (QueuedTimer Timer, WeakReference Stream) DisposeOfOne()
    {
        var stream = new object();
        var timer = _timers.Create(() => _elapsed.Add($"{stream}"));
        timer.Set(TimeSpan.FromDays(1));
        timer.Dispose();
        return (timer, new WeakReference(stream));
    }

    private QueuedTimer Create(string name) => _timers.Create(() => _elapsed.Add(name));
}
