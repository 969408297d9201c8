using System.Net;
using System.Net.Sockets;

namespace GrpcPresence.Server.Settings.Attributes;

/// <summary>An IP address of this machine and a port.</summary>
internal sealed class NodeAddressSettingAttribute(string summary) : SettingAttribute(summary)
{
    private const int FirstMulticastOctet = 224;

    /// <inheritdoc/>
    public override string Form => "an IP address of this machine and a port, such as 10.0.0.1:5090 or [fd00::1]:5090";

    /// <inheritdoc/>
    public override string Placeholder => "HOST:PORT";

    /// <inheritdoc/>
    public override bool TryRead(string text, out object? value)
    {
        // The parser takes an address without a port too, whose port is then 0. Others could not reach an address that means all of them.
        var isAddress = IPEndPoint.TryParse(text, out var address)
            && address.Port > 0
            && address.ToString() == text
            && IsOfOne(address.Address);
        value = isAddress ? address : null;
        return isAddress;
    }

    private static bool IsOfOne(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork
        ? !address.Equals(IPAddress.Any) && address.GetAddressBytes()[0] < FirstMulticastOctet
        : !address.Equals(IPAddress.IPv6Any) && !address.IsIPv4MappedToIPv6 && !address.IsIPv6Multicast;
}
