using System.Net;
using System.Net.Sockets;

namespace GrpcPresence.Server.Settings.Attributes;

/// <summary>An IP address of this machine.</summary>
internal sealed class AddressSettingAttribute(string summary) : SettingAttribute(summary)
{
    private const int OctetsOfIPv4 = 4;
    private const int FirstMulticastOctet = 224;

    /// <inheritdoc/>
    public override string Form => $"an IPv4 or IPv6 address, or {ListenAddress.LocalhostName}";

    /// <inheritdoc/>
    public override string Placeholder => "ADDRESS";

    /// <inheritdoc/>
    public override bool TryRead(string text, out object? value)
    {
        value = null;
        if (text.Equals(ListenAddress.LocalhostName, StringComparison.OrdinalIgnoreCase))
            value = ListenAddress.Localhost;
        else if (IPAddress.TryParse(text, out var address) && IsPlain(address, text))
            value = new ListenAddress(address);
        return value is not null;
    }

    // The parser also reads "1" as 0.0.0.1. An IPv4 address within an IPv6 address belongs to neither family of sockets. The system lets
    // servers listen on multicast and broadcast addresses, which no client can call.
    private static bool IsPlain(IPAddress address, string text) => address.AddressFamily == AddressFamily.InterNetwork
        ? text.Split('.').Length == OctetsOfIPv4 && address.GetAddressBytes()[0] < FirstMulticastOctet
        : !address.IsIPv4MappedToIPv6 && !address.IsIPv6Multicast;
}
