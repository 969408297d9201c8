using System.Diagnostics;
using GrpcPresence.Bench.Machine;
using GrpcPresence.Bench.Peers;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>The work of a server in a period, and its cost.</summary>
/// <param name="Operations">The number of operations.</param>
/// <param name="ServerCpu">The server's CPU time.</param>
/// <param name="LoadCpu">The load's CPU time.</param>
/// <param name="Elapsed">The length of the period.</param>
internal sealed record Sample(long Operations, TimeSpan ServerCpu, TimeSpan LoadCpu, TimeSpan Elapsed)
{
    /// <summary>CPU time per operation, in microseconds.</summary>
    public double CpuMicroseconds => ServerCpu.TotalMicroseconds / Operations;

    /// <summary>Operations per second.</summary>
    public double Rate => Operations / Elapsed.TotalSeconds;

    /// <summary>The share of its core that the server used. Near 1, the server was the bottleneck.</summary>
    public double ServerBusy => ServerCpu / Elapsed;

    /// <summary>The share of its core that the load used.</summary>
    public double LoadBusy => LoadCpu / Elapsed;

    /// <summary>Measures the cost of an action.</summary>
    public static Sample Take(ServerProcess server, Func<long> operations, Action act)
    {
        var (count, cpu) = (operations(), server.Usage.Cpu);
        var (own, began) = (ProcessUsage.Of(Environment.ProcessId).Cpu, Stopwatch.GetTimestamp());
        act();
        var elapsed = Stopwatch.GetElapsedTime(began);
        return new Sample(operations() - count, server.Usage.Cpu - cpu, ProcessUsage.Of(Environment.ProcessId).Cpu - own, elapsed);
    }
}
