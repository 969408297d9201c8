namespace GrpcPresence.Testing.Cluster;

/// <summary>A clock that a test moves. It has no timers. One thread uses it.</summary>
public class SimulatedClock : TimeProvider
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>The time since the start.</summary>
    public virtual TimeSpan Now { get; private set; }

    /// <inheritdoc/>
    public sealed override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public sealed override long GetTimestamp() => Now.Ticks;

    /// <inheritdoc/>
    public sealed override DateTimeOffset GetUtcNow() => Start + Now;

    /// <summary>Moves the clock. An earlier time does nothing.</summary>
    public virtual void AdvanceTo(TimeSpan time) => Now = time > Now ? time : Now;
}

/// <summary>The clock of a machine, which is somewhat faster or slower than true time, and started at another moment.</summary>
/// <param name="truth">The true time.</param>
/// <param name="offset">What this clock shows at the true time 0.</param>
/// <param name="drift">The error of its speed: 0.001 gains a second in 1,000 s.</param>
public sealed class DriftingClock(SimulatedClock truth, TimeSpan offset, double drift) : SimulatedClock
{
    /// <inheritdoc/>
    public override TimeSpan Now => offset + truth.Now + (truth.Now * drift);

    /// <summary>Not supported: only true time is moved.</summary>
    public override void AdvanceTo(TimeSpan time) => throw new NotSupportedException();
}
