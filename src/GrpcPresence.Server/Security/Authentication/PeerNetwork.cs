using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>
/// The part of a peer's address that one party controls: an IPv4 address, or the first 64 bits of an IPv6 address. A host has all of the
/// other 64 bits to itself.
/// </summary>
/// <param name="Bits">The address or its first bits.</param>
/// <param name="IsV6">Whether it is an IPv6 network.</param>
internal readonly record struct PeerNetwork(ulong Bits, bool IsV6)
{
    private const int Ipv6Bytes = 16;
    private const int PrefixBytes = 8;

    /// <summary>Returns the network of the address. A peer without an address, as of a test server, has the network 0.0.0.0.</summary>
    public static PeerNetwork Of(IPAddress? address)
    {
        if (address is null)
            return default;
        Span<byte> bytes = stackalloc byte[Ipv6Bytes];
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        plain.TryWriteBytes(bytes, out _);
        return plain.AddressFamily == AddressFamily.InterNetworkV6
            ? new PeerNetwork(BinaryPrimitives.ReadUInt64BigEndian(bytes), IsV6: true)
            : new PeerNetwork(BinaryPrimitives.ReadUInt32BigEndian(bytes), IsV6: false);
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Ipv6Bytes];
        if (!IsV6)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)Bits);
            return new IPAddress(bytes[..sizeof(uint)]).ToString();
        }
        BinaryPrimitives.WriteUInt64BigEndian(bytes, Bits);
        return string.Create(CultureInfo.InvariantCulture, $"{new IPAddress(bytes)}/{PrefixBytes * 8}");
    }
}
