using System.Net;
using System.Net.Sockets;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Separates addresses of the public internet from addresses that only this machine or its network can reach, by IANA's special-purpose
/// registries. An IPv6 address that embeds an IPv4 address is judged by the embedded address.
/// </summary>
internal static class PublicAddress
{
    private const int CompatibleAt = 12;
    private const int Nat64At = 12;
    private const int SixToFourAt = 2;
    private const int TeredoServerAt = 4;
    private const int TeredoClientAt = 12;

    private static readonly IPNetwork[] Special =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", // includes the broadcast address 255.255.255.255
        }.Select(network => IPNetwork.Parse(network)),
    ];

    // All IPv6 addresses that IANA allocates. Loopback, private, link-local and multicast addresses are outside this network.
    private static readonly IPNetwork GlobalUnicast = IPNetwork.Parse("2000::/3");
    private static readonly IPNetwork Teredo = IPNetwork.Parse("2001::/32");
    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16");
    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");
    private static readonly IPNetwork Compatible = IPNetwork.Parse("::/96");

    private static readonly IPNetwork[] SpecialV6 =
    [
        .. new[] { "2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20" }.Select(network => IPNetwork.Parse(network)),
    ];

    /// <summary>Whether the address belongs to the public internet.</summary>
    public static bool Is(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            return Is(address.MapToIPv4());
        if (address.AddressFamily == AddressFamily.InterNetwork)
            return !Array.Exists(Special, network => network.Contains(address));
        return address.AddressFamily == AddressFamily.InterNetworkV6 && address.ScopeId == 0 && IsPublicV6(address);
    }

    private static bool IsPublicV6(IPAddress address)
    {
        if (Teredo.Contains(address))
            return Is(Inner(address, TeredoServerAt)) && Is(Inner(address, TeredoClientAt, mask: 0xFF)); // the client's address is inverted
        if (SixToFour.Contains(address))
            return Is(Inner(address, SixToFourAt));
        if (Nat64.Contains(address))
            return Is(Inner(address, Nat64At));
        if (Compatible.Contains(address)) // includes :: and ::1, which embed addresses of 0.0.0.0/8
            return Is(Inner(address, CompatibleAt));
        return GlobalUnicast.Contains(address) && !Array.Exists(SpecialV6, network => network.Contains(address));
    }

    private static IPAddress Inner(IPAddress address, int at, byte mask = 0)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        var inner = bytes.Slice(at, 4);
        for (var i = 0; i < inner.Length; i++)
            inner[i] ^= mask;
        return new IPAddress(inner);
    }
}
