namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>A promise does not hold.</summary>
/// <param name="promise">Its name.</param>
/// <param name="how">What was seen.</param>
internal sealed class BrokenPromise(string promise, string how) : Exception($"{promise}: {how}");
