using System.Threading.Channels;

namespace GrpcPresence.Core.Tests.Webhooks;

/// <summary>A manual clock that reports when a delivery loop sets its timer, which it does before each sleep.</summary>
internal sealed class AlarmClock(TimeProvider time) : TimeProvider
{
    private readonly Channel<TimeSpan> _alarms = Channel.CreateUnbounded<TimeSpan>();

    /// <summary>The longest time of each sleep, in order; infinite means until the loop is woken.</summary>
    public ChannelReader<TimeSpan> Alarms => _alarms.Reader;

    public override long TimestampFrequency => time.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => time.GetUtcNow();

    public override long GetTimestamp() => time.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new Alarm(time.CreateTimer(callback, state, dueTime, period), _alarms.Writer);

    private sealed class Alarm(ITimer timer, ChannelWriter<TimeSpan> alarms) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var changed = timer.Change(dueTime, period);
            alarms.TryWrite(dueTime);
            return changed;
        }

        public void Dispose() => timer.Dispose();

        public ValueTask DisposeAsync() => timer.DisposeAsync();
    }
}
