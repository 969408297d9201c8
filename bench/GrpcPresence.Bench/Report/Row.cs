namespace GrpcPresence.Bench.Report;

/// <summary>A row of the table.</summary>
/// <param name="Id">Its number among the targets.</param>
/// <param name="What">What was measured.</param>
/// <param name="Target">The target.</param>
/// <param name="Result">The result.</param>
/// <param name="IsReached">Whether the result reaches the target; null if the row has no target or the peer is missing.</param>
/// <param name="Evidence">Evidence that the load was not the bottleneck, and other observations.</param>
/// <param name="Figures">The numbers, for programs.</param>
internal sealed record Row(
    string Id, string What, string Target, string Result, bool? IsReached, string Evidence, IReadOnlyDictionary<string, Spread> Figures);
