using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>Tests random histories of which a feed receives only some batches.</summary>
public sealed class GapHistoryTests
{
    private const int Length = 40;

    private static readonly string[] Names = ["ada", "bob", "cay", "dan", "eve"];

    public enum StepKind
    {
        Create,
        Rename,
        Delete,
        Bind,
        Online,
        Offline,
        SwitchOn,
        SwitchOff,
    }

    [Property(MaxTest = 500, QuietOnSuccess = true, Arbitrary = [typeof(Histories)])]
    public async Task Every_promise_holds_while_batches_are_lost_at_random(bool watchesAll, GapStep[] steps)
    {
        LossyPublisher publisher = null!;
        using var world = new World(publisher: hub => publisher = new LossyPublisher(hub));
        var service = await world.NewService();
        string[] watched = watchesAll ? Names : Names[..3];
        await using var client = await world.Watch(service, watchesAll ? [] : watched);
        await client.Next<WatchEvent.ConfigurationChanged>();
        var sessions = new Dictionary<string, string>(); // by user, for online users
        for (var i = 0; i < steps.Length; i++)
        {
            var (losses, batch) = (steps[i].Losses, 0);
            publisher.Loses = () => (losses & (1 << (batch++ % Histories.Batches))) != 0;
            await StepAsync(world, service, steps[i], sessions, i);
            world.Advance(Limits.Tick);
        }
        publisher.Loses = () => false;
        await world.Online(service, "last", "end");
        await world.Online(service, "ada", "end");
        world.Advance(2 * Limits.Tick);

        while (client.Token is not { } token || token.Base < await world.Revision(service))
        {
            var next = client.Next();
            // A watch of some users sends a token only with a change of one of them, or with a progress message.
            if (!next.IsCompleted)
                world.Advance(Limits.ProgressInterval * (1 + Limits.ProgressJitter) + Limits.Tick);
            await next;
        }
        foreach (var name in watched)
            AssertConvergent(name, await world.Get(service, name), client.Users.GetValueOrDefault(name));
    }

    private static void AssertConvergent(string name, UserState? stored, UserState? seen) =>
        Assert.True(Known(stored) == Known(seen), $"Convergent: {name} is {Known(stored)}, and the client knows {Known(seen)}");

    private static (UserSid, string, bool?, bool?)? Known(UserState? user) =>
        user is null ? null : (user.Sid, user.Record!.FriendlyName, user.IsOnline, user.IsNotifiable);

    private static async Task StepAsync(World world, CachedService service, GapStep step, Dictionary<string, string> sessions,
        int number)
    {
        var name = step.User;
        switch (step.Kind)
        {
            case StepKind.Create:
                await Record.ExceptionAsync(() => world.Create(service, name));
                break;
            case StepKind.Rename:
                await Record.ExceptionAsync(() => world.Rename(service, name, $"name {number}"));
                break;
            case StepKind.Delete:
                await Record.ExceptionAsync(() => world.Delete(service, name));
                break;
            case StepKind.Bind:
                await Record.ExceptionAsync(() => world.Bind(service, name, $"endpoint of {name}"));
                break;
            case StepKind.Online:
                await world.Online(service, name, sessions[name] = $"s{number}");
                break;
            case StepKind.Offline when sessions.Remove(name, out var session):
                await Record.ExceptionAsync(() => world.Offline(service, name, session));
                break;
            case StepKind.SwitchOn or StepKind.SwitchOff:
                await world.Switch(service.Sid, on: step.Kind == StepKind.SwitchOn);
                break;
            default:
                break; // already offline
        }
    }

    /// <param name="Kind">The kind of change.</param>
    /// <param name="User">The user that changes, if the change is of one user.</param>
    /// <param name="Losses">One bit for each batch published during the step; a set bit loses the batch.</param>
    public sealed record GapStep(StepKind Kind, string User, int Losses);

    private static class Histories
    {
        public const int Batches = 8;

        private static readonly Gen<int> Mask = Gen.Choose(0, (1 << Batches) - 1);

        public static Arbitrary<GapStep[]> All() => History.Of(Gen.ArrayOf(
            from kind in Gen.Frequency(
                (5, Gen.Elements(StepKind.Create, StepKind.Rename, StepKind.Delete, StepKind.Bind, StepKind.Offline)),
                (2, Gen.Constant(StepKind.Online)),
                (1, Gen.Elements(StepKind.SwitchOn, StepKind.SwitchOn, StepKind.SwitchOff)))
            from user in Gen.Elements(Names)
            from first in Mask
            from second in Mask
            select new GapStep(kind, user, first & second), // each bit is set with a probability of a quarter
            Length));
    }
}
