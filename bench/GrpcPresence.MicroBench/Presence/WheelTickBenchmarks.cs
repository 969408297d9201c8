using BenchmarkDotNet.Attributes;
using GrpcPresence.Core.Presence;
using GrpcPresence.MicroBench.Fixture;

namespace GrpcPresence.MicroBench.Presence;

/// <summary>The tick while a million sessions live and no lease ends.</summary>
public class WheelTickBenchmarks : WorldBenchmarks
{
    /// <summary>Brings all users online, the same number in each slot of the wheel.</summary>
    [GlobalSetup]
    public void Setup() => _ = new Population(World, Scale.Sessions, TimingWheel.Slots);

    /// <summary>A tick with an empty slot. The time stands still, so that the wheel never reaches a slot with users.</summary>
    [Benchmark]
    public void NobodyInSlot() => World.Tracker.Tick();

    /// <summary>
    /// A tick whose slot has a thousandth of all users. Their leases were renewed since, so that the wheel puts them back.
    /// </summary>
    [Benchmark]
    public void RenewedLeases() => World.PassTick();
}
