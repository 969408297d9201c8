using BenchmarkDotNet.Attributes;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Tenants;
using GrpcPresence.MicroBench.Fixture;

namespace GrpcPresence.MicroBench.Presence;

/// <summary>
/// Measures ticks in each of which the only sessions of a thousand users end, while a million others live. The users are queued for the
/// writer as offline.
/// </summary>
// The others are all in the slot of the wheel that is due last, 1023 ticks after they were put there. All iterations together must take
// less time.
[WarmupCount(10)]
[IterationCount(20)]
public class LeaseEndBenchmarks : WorldBenchmarks
{
    private const int LeasesPerTick = 1_000;
    private const int Ticks = 5;

    private static readonly TimeSpan SessionTimeout = Limits.MinHeartbeatInterval * 2;

    private CachedService _service = null!;

    /// <summary>Brings a million users online.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _ = new Population(World, Scale.Sessions, ticks: 1);
        _service = World.NewService(SessionTimeout);
    }

    /// <summary>Brings users online, a thousand per tick, and advances the time until the next tick ends the first leases.</summary>
    [IterationSetup]
    public void ComeOnline()
    {
        for (var user = 0; user < Ticks * LeasesPerTick; user++)
        {
            var visit = Sample.Visit(user);
            World.Tracker.Beat(_service, visit.Address, visit.Session, stream: null);
            if ((user + 1) % LeasesPerTick == 0)
                World.PassTick();
        }
        World.Write();
        for (var left = (SessionTimeout / Limits.Tick) - Ticks - 1; left > 0; left--)
            World.PassTick();
    }

    /// <summary>Writes that they are offline, so that the tracker drops them.</summary>
    [IterationCleanup]
    public void GoOffline()
    {
        if (World.Tracker.LiveSessions != Scale.Sessions)
            throw new InvalidOperationException("Other leases ended than those to measure.");
        World.Write();
    }

    /// <summary>The end of one lease.</summary>
    [Benchmark(OperationsPerInvoke = Ticks * LeasesPerTick)]
    public void LeaseEnds()
    {
        for (var tick = 0; tick < Ticks; tick++)
            World.PassTick();
    }
}
