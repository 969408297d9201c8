using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Webhooks;

namespace GrpcPresence.Core.Tests.Webhooks;

/// <summary>
/// Tests random edits, failures, outages and restarts, on as many threads as the dispatcher uses. A failure prints the seed, which does not
/// determine the order of threads. For more histories set <c>PRESENCE_HISTORIES=100000</c>; this test runs a hundredth of it.
/// </summary>
public sealed class DeliveryHistoryTests
{
    private const int Steps = 60;
    private const int Users = 6;

    private static int Histories =>
        int.TryParse(Environment.GetEnvironmentVariable("PRESENCE_HISTORIES"), out var histories) ? histories / 100 : 100;

    [Fact]
    public async Task An_endpoint_that_applies_only_the_named_reasons_ends_with_the_state_of_the_store()
    {
        for (var seed = 1; seed <= Histories; seed++)
        {
            if (await Record.ExceptionAsync(() => RunAsync(seed)) is { } failure)
                Assert.Fail($"Seed {seed}: {failure}");
        }
    }

    private static async Task RunAsync(int seed)
    {
        var random = new Random(seed);
        var chances = new Random(-seed); // for the endpoint; used under its lock
        var gate = new Lock();
        var sessions = new Dictionary<string, string>(); // by user, for online users
        await using var world = await WebhookWorld.NewAsync();
        for (var step = 0; step < Steps; step++)
            await StepAsync(world, sessions, random, Fails);
        world.Endpoint.AnswerAll(WebhookOutcome.Taken);
        await world.DeliveredAsync();

        Assert.False(world.GivenUp.Reader.TryRead(out _), "The dispatcher gave up a user, but the endpoint was up too rarely for that.");
        var known = KnownBy(world.Endpoint);
        for (var user = 0; user < Users; user++)
        {
            if (await world.Core.Get(world.Service, $"user{user}") is { } stored)
                Assert.Equal((stored.Record!.FriendlyName, stored.IsOnline), known.GetValueOrDefault(stored.Sid, ("not delivered", null)));
        }

        bool Fails()
        {
            lock (gate)
                return chances.Next(4) == 0;
        }
    }

    private static async Task StepAsync(WebhookWorld world, Dictionary<string, string> sessions, Random random, Func<bool> fails)
    {
        var user = $"user{random.Next(Users)}";
        switch (random.Next(12))
        {
            case < 3:
                if (sessions.TryAdd(user, $"s{random.Next()}")) // an ended session cannot start again
                    await world.Core.Online(world.Service, user, sessions[user]);
                break;
            case < 5 when sessions.Remove(user, out var session):
                await world.Core.Offline(world.Service, user, session);
                break;
            case < 8 when await world.Core.Get(world.Service, user) is not null:
                await world.Core.Rename(world.Service, user, $"name{random.Next(1000)}");
                break;
            case 8 when await world.Core.Get(world.Service, user) is not null && random.Next(3) == 0:
                await world.Core.Delete(world.Service, user);
                sessions.Remove(user);
                break;
            case 9:
                world.Endpoint.AnswerBy(random.Next(3) == 0
                    ? _ => WebhookOutcome.Failed
                    : _ => fails() ? WebhookOutcome.Failed : WebhookOutcome.Taken);
                break;
            case 10:
                world.Core.Time.Advance(TimeSpan.FromSeconds(random.Next(4)));
                break;
            case 11:
                await world.RestartAsync();
                break;
            default:
                break;
        }
    }

    /// <summary>
    /// Returns the state of an endpoint that applies the profile of each creation, and of each update only what the reasons name.
    /// </summary>
    private static Dictionary<UserSid, (string Name, bool? IsOnline)> KnownBy(FakeEndpoint endpoint)
    {
        var known = new Dictionary<UserSid, (string Name, bool? IsOnline)>();
        foreach (var taken in endpoint.Taken)
        {
            var before = known.GetValueOrDefault(taken.User.Sid, ("creation not delivered", null));
            known[taken.User.Sid] = (
                (taken.Reasons & (UpdateReasons.Created | UpdateReasons.FriendlyName)) != 0 ? taken.User.Record!.FriendlyName
                    : before.Item1,
                taken.Reasons.HasFlag(UpdateReasons.ReachabilityOnline) ? taken.User.IsOnline : before.Item2);
        }
        return known;
    }
}
