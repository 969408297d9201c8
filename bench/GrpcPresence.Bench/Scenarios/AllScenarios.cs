namespace GrpcPresence.Bench.Scenarios;

/// <summary>The scenarios, in the order in which they run.</summary>
internal static class AllScenarios
{
    /// <inheritdoc cref="AllScenarios"/>
    public static IReadOnlyList<Scenario> List { get; } =
    [
        new("heartbeat", "P1, P2", HeartbeatScenario.Run),
        new("fan-out", "P3, P4", FanOutScenario.Run),
    ];
}
