using System.Net;

namespace GrpcPresence.Server.Settings;

/// <summary>Where the server listens: one address, or the loopback addresses of both families.</summary>
/// <param name="Ip">The address; for localhost the IPv4 one.</param>
internal sealed record ListenAddress(IPAddress Ip)
{
    /// <summary>The word that stands for the loopback addresses of both families.</summary>
    public const string LocalhostName = "localhost";

    /// <summary>The loopback addresses of both families, as far as the machine has them.</summary>
    public static readonly ListenAddress Localhost = new(IPAddress.Loopback) { IsLocalhost = true };

    /// <summary>The default: the IPv4 loopback address.</summary>
    public static readonly ListenAddress Loopback = new(IPAddress.Loopback);

    /// <summary>Whether both families are meant.</summary>
    public bool IsLocalhost { get; private init; }

    /// <inheritdoc/>
    public override string ToString() => IsLocalhost ? LocalhostName : $"{Ip}";
}
