namespace GrpcPresence.Bench.Scenarios;

/// <summary>The scenarios, in the order in which they run.</summary>
internal static class AllScenarios
{
    /// <inheritdoc cref="AllScenarios"/>
    public static IReadOnlyList<Scenario> List { get; } =
    [
        new("heartbeat", "P1, P2, P13", HeartbeatScenario.Run),
        new("fan-out", "P3, P4", FanOutScenario.Run),
        new("latency", "P5", LatencyScenario.Run),
        new("writer", "P6, P18", WriterScenario.Run),
        new("million", "P7, P8, P9, P12", MillionScenario.Run),
        new("idle-watch", "P10", IdleWatchScenario.Run),
        new("resume", "P11", ResumeScenario.Run),
        new("publish", "P12", PublishCostScenario.Run),
        new("neighbour", "P14", NeighbourScenario.Run),
        new("client-sessions", "client", ClientSessionsScenario.Run),
        new("attacks", "R9", AttackScenario.Run),
    ];
}
