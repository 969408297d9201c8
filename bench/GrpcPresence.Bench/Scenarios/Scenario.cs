namespace GrpcPresence.Bench.Scenarios;

/// <summary>Measures one row of the table, or several that share a setup.</summary>
/// <param name="Name">The name on the command line.</param>
/// <param name="Rows">The rows that it measures.</param>
/// <param name="Run">Measures them.</param>
internal sealed record Scenario(string Name, string Rows, Action<BenchRun> Run);
