using GrpcPresence.Testing;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Cluster.Channel;

/// <summary>
/// Random histories of links over a simulated network: each item arrives at most once and in order, and exactly once if both runs go on and
/// its deadline does not pass. A failure prints the seed and the shortest history.
/// </summary>
public sealed class LinkHistoryTests
{
    private const int Length = 40;

    private static int Histories =>
        int.TryParse(Environment.GetEnvironmentVariable("PRESENCE_HISTORIES"), out var histories) ? histories : 10_000;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Each_item_arrives_once_and_in_order_in_random_histories(int part)
    {
        for (var seed = part; seed < Histories; seed += 2)
        {
            var history = LinkStep.History(seed, Length);
            if (FailureOf(seed, history) is not { } failure)
                continue;
            var shortest = ShortestHistory.Of(history, steps => FailureOf(seed, steps) is not null);
            failure = FailureOf(seed, shortest) ?? failure;
            Assert.Fail($"Seed {seed}: {failure.Message}{Environment.NewLine}{string.Join(Environment.NewLine, shortest)}");
        }
    }

    private static BrokenPromiseException? FailureOf(int seed, IReadOnlyList<LinkStep> history)
    {
        try
        {
            new LinkedNodes(seed).Run(history);
            return null;
        }
        catch (BrokenPromiseException exception)
        {
            return exception;
        }
    }
}

/// <summary>One step of a history. The numbers select among what exists when it runs.</summary>
internal sealed record LinkStep(LinkAct Act, int A, int B)
{
    public override string ToString() => $"new(LinkAct.{Act}, {A}, {B}),";

    /// <summary>Returns the history of a seed.</summary>
    public static IReadOnlyList<LinkStep> History(int seed, int length)
    {
        var random = new Random(seed);
        var acts = Enum.GetValues<LinkAct>().SelectMany(act => Enumerable.Repeat(act, Weight(act))).ToArray();
        return [.. Enumerable.Range(0, length)
            .Select(_ => new LinkStep(acts[random.Next(acts.Length)], random.Next(1000), random.Next(1000)))];
    }

    private static int Weight(LinkAct act) => act switch
    {
        LinkAct.Send => 14,
        LinkAct.Wait => 8,
        LinkAct.Restart => 1,
        _ => 2,
    };
}

/// <summary>The kinds of steps.</summary>
internal enum LinkAct
{
    /// <summary>Node A sends some items to another node, with deadlines of 50 ms to 2 s or without.</summary>
    Send,

    /// <summary>Up to half a second passes.</summary>
    Wait,

    /// <summary>Node A does not reach another node.</summary>
    Cut,

    /// <summary>All cuts end.</summary>
    Heal,

    /// <summary>The network becomes bad or good.</summary>
    Weather,

    /// <summary>Node A is paused.</summary>
    Pause,

    /// <summary>All nodes go on.</summary>
    Resume,

    /// <summary>Node A is declared dead, ends, and starts again.</summary>
    Restart,
}
