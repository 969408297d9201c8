namespace GrpcPresence.MicroBench.Fixture;

/// <summary>
/// A clock that a benchmark advances. Without timers, locks or allocations, so that it adds next to nothing to the measurement. Only one
/// thread may advance it.
/// </summary>
internal sealed class BenchClock : TimeProvider
{
    private static readonly DateTimeOffset Begin = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private long _passed;

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override long GetTimestamp() => Volatile.Read(ref _passed);

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => Begin.AddTicks(GetTimestamp());

    /// <summary>Advances the time.</summary>
    public void Advance(TimeSpan by) => Volatile.Write(ref _passed, _passed + by.Ticks);
}
