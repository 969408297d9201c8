using BenchmarkDotNet.Attributes;
using GrpcPresence.Core.Presence;
using GrpcPresence.MicroBench.Fixture;

namespace GrpcPresence.MicroBench.Presence;

/// <summary>The heartbeat of a live session of a user whose presence is stored: nearly all heartbeats. Must allocate nothing.</summary>
public class TrackerBeatBenchmarks : WorldBenchmarks
{
    private Population _population = null!;
    private Visit[] _visits = [];
    private int _next;

    /// <summary>The number of live sessions.</summary>
    [ParamsSource(nameof(SessionCounts))]
    public int Sessions { get; set; }

    /// <summary>Few and many sessions; only few in a quick run.</summary>
    public static IEnumerable<int> SessionCounts => new[] { Scale.Few, Scale.Sessions }.Distinct();

    /// <summary>Brings all users online.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _population = new Population(World, Sessions, TimingWheel.Slots);
        _visits = _population.Shuffled();
    }

    /// <summary>One heartbeat, each of another user.</summary>
    [Benchmark]
    public HeartbeatResult Beat()
    {
        ref readonly var visit = ref _visits[_next];
        if (++_next == _visits.Length)
            _next = 0;
        return World.Tracker.Beat(_population.Service, visit.Address, visit.Session, stream: null);
    }
}
