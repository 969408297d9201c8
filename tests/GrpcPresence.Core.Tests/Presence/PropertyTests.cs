using FsCheck;
using FsCheck.Fluent;
using GrpcPresence.Core.Tests.Presence.Fixture;

namespace GrpcPresence.Core.Tests.Presence;

/// <summary>Whatever happens in whatever order, the tracker knows what a lease end for each session says, and in the end the store does too.</summary>
public sealed class PropertyTests
{
    private static readonly Gen<Step> Steps =
        from kind in Gen.Frequency(
            (6, Gen.Constant(StepKind.Beat)),
            (4, Gen.Constant(StepKind.BeatOverStream)),
            (2, Gen.Constant(StepKind.End)),
            (2, Gen.Constant(StepKind.Close)),
            (1, Gen.Constant(StepKind.Delete)),
            (4, Gen.Constant(StepKind.Pass)),
            (4, Gen.Constant(StepKind.Tick)),
            (3, Gen.Constant(StepKind.Write)),
            (1, Gen.Constant(StepKind.Break)),
            (1, Gen.Constant(StepKind.Pause)))
        from user in Gen.Choose(0, PropertyRun.Users - 1)
        from session in Gen.Frequency((9, Gen.Choose(0, 2)), (1, Gen.Choose(0, 40)))
        from number in Gen.Choose(1, 900)
        select new Step(kind, user, session, number);

    [Fact]
    public void The_tracker_agrees_with_the_model_after_every_step() =>
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(500).WithEndSize(150),
            Prop.ForAll(Arb.From(Gen.ArrayOf(Steps), Shrink), steps =>
            {
                using var run = new PropertyRun();
                run.All(steps);
            }));

    // Leaves out one half, or one step, and so finds a short counterexample; FsCheck prints it with the seed.
    private static IEnumerable<Step[]> Shrink(Step[] steps)
    {
        if (steps.Length > 3)
        {
            yield return [.. steps.Take(steps.Length / 2)];
            yield return [.. steps.Skip(steps.Length / 2)];
        }
        for (var left = 0; left < steps.Length; left++)
            yield return [.. steps.Where((_, index) => index != left)];
    }
}
