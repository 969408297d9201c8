namespace GrpcPresence.Testing.Watching;

/// <summary>A promise does not hold.</summary>
/// <param name="promise">Its name.</param>
/// <param name="how">What was seen.</param>
public sealed class BrokenPromiseException(string promise, string how) : Exception($"{promise}: {how}");
