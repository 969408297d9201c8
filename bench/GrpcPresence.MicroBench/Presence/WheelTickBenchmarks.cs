using BenchmarkDotNet.Attributes;
using GrpcPresence.Core.Presence;
using GrpcPresence.MicroBench.Fixture;

namespace GrpcPresence.MicroBench.Presence;

/// <summary>The tick while a million sessions live and no lease ends.</summary>
public class WheelTickBenchmarks : WorldBenchmarks
{
    /// <summary>Brings everybody online, the same number in each slot of the wheel.</summary>
    [GlobalSetup]
    public void Setup() => _ = new Population(World, Scale.Sessions, TimingWheel.Slots);

    /// <summary>A tick in whose slot there is nobody. The time stands still, so that none comes in which there is somebody.</summary>
    [Benchmark]
    public void NobodyInSlot() => World.Tracker.Tick();

    /// <summary>A tick in whose slot there is a thousandth of all, whose leases were renewed since they were put there: they are put again.</summary>
    [Benchmark]
    public void RenewedLeases() => World.PassTick();
}
