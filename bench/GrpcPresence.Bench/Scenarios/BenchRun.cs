using GrpcPresence.Bench.Machine;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>What scenarios share: how much is measured, where servers keep their data, and where results go.</summary>
/// <param name="quick">Measures little, only to check that everything works; the figures are meaningless.</param>
/// <param name="workspace">The data of servers.</param>
/// <param name="results">Receives the rows.</param>
/// <param name="progress">Receives messages about progress.</param>
internal sealed class BenchRun(bool quick, Workspace workspace, Results results, TextWriter progress)
{
    /// <summary>Whether the figures are meaningless.</summary>
    public bool IsQuick => quick;

    /// <summary>The data of servers.</summary>
    public Workspace Workspace => workspace;

    /// <summary>How often each figure is measured.</summary>
    public int Repetitions => quick ? 1 : 5;

    /// <summary>How long a server runs under the load before it is measured: the runtime compiles hot code twice.</summary>
    public TimeSpan WarmUp => TimeSpan.FromSeconds(quick ? 0.2 : 6);

    /// <summary>How long a measurement lasts: CPU time is counted in steps of 10 ms.</summary>
    public TimeSpan Window => TimeSpan.FromSeconds(quick ? 0.2 : 3);

    /// <summary>Returns the full number, or the small one in a quick run.</summary>
    public int Scale(int full, int small) => quick ? small : full;

    /// <summary>Prints a message about progress.</summary>
    public void Say(string text) => progress.WriteLine($"   {text}");

    /// <summary>Adds a row.</summary>
    public void Report(Row row) => results.Add(row);

    /// <summary>Adds a row whose peer is not installed.</summary>
    public void Missing(string id, string what, string target, string peer) =>
        results.Add(new Row(id, what, target, $"{peer} is not installed", null, "skipped", new Dictionary<string, Spread>()));
}
