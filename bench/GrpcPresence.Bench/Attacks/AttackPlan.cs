namespace GrpcPresence.Bench.Attacks;

/// <summary>What an attack sends, and how much of it.</summary>
/// <param name="Name">The attack, for people.</param>
/// <param name="Headers">The header blocks of its requests, in turn.</param>
/// <param name="PerSecond">The number of requests per second.</param>
internal sealed record AttackPlan(string Name, IReadOnlyList<byte[]> Headers, int PerSecond)
{
    /// <summary>The request bodies, in turn. Empty for requests without a body.</summary>
    public IReadOnlyList<byte[]> Bodies { get; init; } = [];

    /// <summary>Whether the body ends. If not, the request stays half sent.</summary>
    public bool EndsBody { get; init; } = true;

    /// <summary>Whether each request is reset at once.</summary>
    public bool Resets { get; init; }

    /// <summary>The maximum number of open requests.</summary>
    public int MaxOpen { get; init; } = 1_000;

    /// <summary>The number of connections.</summary>
    public int Connections { get; init; } = 1;

    /// <summary>The window of each stream, in bytes. With 0 the attack reads no response body.</summary>
    public int Window { get; init; } = int.MaxValue;
}
