using GrpcPresence.Bench.Machine;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>What scenarios share: how much is measured, where servers keep their data, and who hears of it.</summary>
/// <param name="quick">Measures little, to see that everything works; the figures mean nothing.</param>
/// <param name="workspace">Where servers keep their data.</param>
/// <param name="results">Takes the rows.</param>
/// <param name="progress">Is told what is going on.</param>
internal sealed class BenchRun(bool quick, Workspace workspace, Results results, TextWriter progress)
{
    /// <summary>Whether the figures mean nothing.</summary>
    public bool IsQuick => quick;

    /// <summary>Where servers keep their data.</summary>
    public Workspace Workspace => workspace;

    /// <summary>How often each figure is measured.</summary>
    public int Repetitions => quick ? 1 : 5;

    /// <summary>How long a server runs under the load before it is measured: the runtime compiles what is hot twice.</summary>
    public TimeSpan WarmUp => TimeSpan.FromSeconds(quick ? 0.2 : 6);

    /// <summary>How long a measurement lasts: CPU time is counted in steps of 10 ms.</summary>
    public TimeSpan Window => TimeSpan.FromSeconds(quick ? 0.2 : 3);

    /// <summary>The number, or a small one for a quick run.</summary>
    public int Scale(int full, int small) => quick ? small : full;

    /// <summary>Says what is going on.</summary>
    public void Say(string text) => progress.WriteLine($"   {text}");

    /// <summary>Takes a row.</summary>
    public void Report(Row row) => results.Add(row);

    /// <summary>Says of a row that its peer is not installed.</summary>
    public void Missing(string id, string what, string target, string peer) =>
        results.Add(new Row(id, what, target, $"{peer} is not installed", null, "skipped", new Dictionary<string, Spread>()));
}
