using System.Net;

namespace GrpcPresence.Server.Settings.Attributes;

/// <summary>An IP address of this machine.</summary>
internal sealed class AddressSettingAttribute(string summary) : SettingAttribute(summary)
{
    private const string Localhost = "localhost";

    /// <inheritdoc/>
    public override string Form => $"an IP address or {Localhost}";

    /// <inheritdoc/>
    public override string Placeholder => "ADDRESS";

    /// <inheritdoc/>
    public override bool TryRead(string text, out object? value)
    {
        var isLocalhost = text.Equals(Localhost, StringComparison.OrdinalIgnoreCase);
        var isAddress = IPAddress.TryParse(isLocalhost ? $"{IPAddress.Loopback}" : text, out var address);
        value = address;
        return isAddress;
    }
}
