using System.Diagnostics;
using GrpcPresence.Bench.Machine;
using GrpcPresence.Bench.Peers;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>What a server did in a stretch of time, and what it took.</summary>
/// <param name="Operations">What it did.</param>
/// <param name="ServerCpu">Its CPU time.</param>
/// <param name="LoadCpu">The load's CPU time.</param>
/// <param name="Elapsed">The time.</param>
internal sealed record Sample(long Operations, TimeSpan ServerCpu, TimeSpan LoadCpu, TimeSpan Elapsed)
{
    /// <summary>CPU time of an operation, in microseconds.</summary>
    public double CpuMicroseconds => ServerCpu.TotalMicroseconds / Operations;

    /// <summary>Operations a second.</summary>
    public double Rate => Operations / Elapsed.TotalSeconds;

    /// <summary>The share of its core that the server used. Near 1, it is the server that could do no more.</summary>
    public double ServerBusy => ServerCpu / Elapsed;

    /// <summary>The share of its core that the load used.</summary>
    public double LoadBusy => LoadCpu / Elapsed;

    /// <summary>Measures what an act takes.</summary>
    public static Sample Take(ServerProcess server, Func<long> operations, Action act)
    {
        var (count, cpu, own, began) = (operations(), server.Usage.Cpu, ProcessUsage.Of(Environment.ProcessId).Cpu, Stopwatch.GetTimestamp());
        act();
        var elapsed = Stopwatch.GetElapsedTime(began);
        return new Sample(operations() - count, server.Usage.Cpu - cpu, ProcessUsage.Of(Environment.ProcessId).Cpu - own, elapsed);
    }
}
