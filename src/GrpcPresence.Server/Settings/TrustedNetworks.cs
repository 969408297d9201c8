using System.Net;

namespace GrpcPresence.Server.Settings;

/// <summary>The networks whose proxies may say how a client called. Two values are equal if their texts are equal.</summary>
internal sealed record TrustedNetworks
{
    private readonly string _text;

    private TrustedNetworks(string text, IReadOnlyList<IPNetwork> networks) => (_text, Networks) = (text, networks);

    /// <summary>The networks; a single address is a network of one address.</summary>
    public IReadOnlyList<IPNetwork> Networks { get; }

    /// <summary>Parses comma-separated networks and addresses. Returns null if one of them is neither.</summary>
    public static TrustedNetworks? Read(string text)
    {
        var networks = new List<IPNetwork>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (IPNetwork.TryParse(part, out var network))
                networks.Add(network);
            else if (IPAddress.TryParse(part, out var address) && address.ToString().Equals(part, StringComparison.OrdinalIgnoreCase))
                networks.Add(new IPNetwork(address, address.GetAddressBytes().Length * 8));
            else
                return null;
        }
        return new TrustedNetworks(text, networks);
    }

    /// <inheritdoc/>
    public bool Equals(TrustedNetworks? other) => other is not null && _text == other._text;

    /// <inheritdoc/>
    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => _text;
}
