using System.Net;

namespace GrpcPresence.Server.Webhooks;

/// <summary>Keeps webhooks out of the server's own network, because tenants choose their URLs.</summary>
/// <param name="allowPrivate">Whether webhooks may call private addresses.</param>
internal sealed class WebhookAddressPolicy(bool allowPrivate)
{
    private const string Localhost = "localhost";

    /// <summary>
    /// Whether the policy rejects the URL by its text alone, without a name resolution: it names a private address or localhost.
    /// </summary>
    public bool Rejects(Uri url)
    {
        if (allowPrivate)
            return false;
        var host = url.DnsSafeHost.TrimEnd('.');
        if (IPAddress.TryParse(host, out var address))
            return !PublicAddress.Is(address);
        return host.Equals(Localhost, StringComparison.OrdinalIgnoreCase)
            || host.EndsWith('.' + Localhost, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>
    /// Checks the addresses of a host before they are used. One private address rejects the host, because all addresses are tried.
    /// </summary>
    /// <exception cref="PrivateAddressException">An address is not public.</exception>
    public void Check(IPAddress[] addresses)
    {
        if (!allowPrivate && !Array.TrueForAll(addresses, PublicAddress.Is))
            throw new PrivateAddressException();
    }
}
