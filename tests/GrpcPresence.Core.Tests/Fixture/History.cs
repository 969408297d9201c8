using FsCheck;
using FsCheck.Fluent;

namespace GrpcPresence.Core.Tests.Fixture;

/// <summary>Generators of step histories for property tests.</summary>
internal static class History
{
    /// <summary>Returns histories that shrink to a short counterexample by leaving out half of the steps, or one of them.</summary>
    public static Arbitrary<T[]> Of<T>(Gen<T[]> steps) => Arb.From(steps, Shrink);

    private static IEnumerable<T[]> Shrink<T>(T[] steps)
    {
        if (steps.Length > 3)
        {
            yield return steps[..(steps.Length / 2)];
            yield return steps[(steps.Length / 2)..];
        }
        for (var left = 0; left < steps.Length; left++)
            yield return [.. steps[..left], .. steps[(left + 1)..]];
    }
}
