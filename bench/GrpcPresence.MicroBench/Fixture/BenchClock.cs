namespace GrpcPresence.MicroBench.Fixture;

/// <summary>
/// A clock that moves when a benchmark says so. Has no timers, takes no lock and allocates nothing, so that it adds next to nothing to what is
/// measured. For one thread that moves it.
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

    /// <summary>Moves the time on.</summary>
    public void Advance(TimeSpan by) => Volatile.Write(ref _passed, _passed + by.Ticks);
}
