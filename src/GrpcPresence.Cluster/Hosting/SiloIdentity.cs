using System.Net;

namespace GrpcPresence.Cluster.Hosting;

/// <summary>
/// The identity of the silo. Orleans would take the wall clock in seconds as its generation: two runs within a second, or a clock that was
/// set back, would have the same generation or a lower one.
/// </summary>
internal sealed class SiloIdentity(string clusterId, IPEndPoint address, int generation) : ILocalSiloDetails
{
    private static readonly DateTimeOffset FirstGeneration = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <inheritdoc/>
    public string Name { get; } = $"{address}-{generation}";

    /// <inheritdoc/>
    public string ClusterId => clusterId;

    /// <inheritdoc/>
    public string DnsHostName { get; } = Dns.GetHostName();

    /// <inheritdoc/>
    public SiloAddress SiloAddress { get; } = SiloAddress.New(address, generation);

    /// <summary>None: there are no clients of Orleans.</summary>
    public SiloAddress GatewayAddress => null!;

    /// <summary>
    /// Returns the generation of a new run: the wall clock in seconds, and greater than the last one that the table knows. The clock makes
    /// it grow too if the table has lost that.
    /// </summary>
    public static int NextGeneration(int last, TimeProvider time) =>
        Math.Max(checked(last + 1), (int)Math.Clamp((time.GetUtcNow() - FirstGeneration).TotalSeconds, 1, int.MaxValue - 1));
}
