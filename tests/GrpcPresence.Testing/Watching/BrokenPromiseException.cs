namespace GrpcPresence.Testing.Watching;

/// <summary>Reports that a promise does not hold.</summary>
/// <param name="promise">The name of the promise.</param>
/// <param name="how">What was observed.</param>
public sealed class BrokenPromiseException(string promise, string how) : Exception($"{promise}: {how}");
