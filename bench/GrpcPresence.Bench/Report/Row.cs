namespace GrpcPresence.Bench.Report;

/// <summary>A line of the table.</summary>
/// <param name="Id">Its number among the targets.</param>
/// <param name="What">What was measured.</param>
/// <param name="Target">What it ought to be.</param>
/// <param name="Result">What it was.</param>
/// <param name="IsReached">Whether that is good enough; null where there is no target, or where the peer is missing.</param>
/// <param name="Evidence">How one knows that the load was not what limited it, and what else was seen.</param>
/// <param name="Figures">The numbers, for programs.</param>
internal sealed record Row(
    string Id, string What, string Target, string Result, bool? IsReached, string Evidence, IReadOnlyDictionary<string, Spread> Figures);
