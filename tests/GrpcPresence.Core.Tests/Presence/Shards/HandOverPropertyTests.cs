using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Tests.Presence.Fixture;

namespace GrpcPresence.Core.Tests.Presence.Shards;

/// <summary>
/// For any events in any order, two nodes between which shards move agree with the model of one node, and finally the store agrees too.
/// </summary>
public sealed class HandOverPropertyTests
{
    [Property(MaxTest = 300, EndSize = 150, QuietOnSuccess = true, Arbitrary = [typeof(Histories)])]
    public void Two_nodes_agree_with_the_model_of_one_after_every_step(TrackerStep[] steps)
    {
        using var run = new NodesRun();
        run.All(steps);
    }

    private static class Histories
    {
        private static readonly Gen<TrackerStep> Steps =
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
                (4, Gen.Constant(StepKind.Move)))
            from user in Gen.Choose(0, NodesRun.Users - 1)
            from session in Gen.Frequency((9, Gen.Choose(0, 2)), (1, Gen.Choose(0, 40)))
            from number in Gen.Choose(1, 900)
            select new TrackerStep(kind, user, session, number);

        public static Arbitrary<TrackerStep[]> All() => History.Of(Gen.ArrayOf(Steps));
    }
}
