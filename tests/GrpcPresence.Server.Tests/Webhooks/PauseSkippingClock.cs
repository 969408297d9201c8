using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>A manual clock that lets each pause between two attempts pass at once.</summary>
internal sealed class PauseSkippingClock(FakeTimeProvider time) : TimeProvider
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    public override long TimestampFrequency => time.TimestampFrequency;

    public override long GetTimestamp() => time.GetTimestamp();

    public override DateTimeOffset GetUtcNow() => time.GetUtcNow();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = time.CreateTimer(callback, state, dueTime, period);
        if (dueTime > TimeSpan.Zero && dueTime <= LongestPause)
            time.Advance(dueTime);
        return timer;
    }
}
