using System.Net;
using System.Net.Sockets;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Keeps webhooks out of the server's own network, because tenants choose their URLs. Each connection resolves the name, checks the
/// addresses, and uses only the checked addresses: a second resolution could return another machine.
/// </summary>
/// <param name="allowPrivate">Whether webhooks may call private addresses.</param>
/// <param name="resolve">Resolves a name to addresses, in the order in which to try them.</param>
/// <param name="connector">Connects to the checked addresses.</param>
internal sealed class WebhookAddressPolicy(bool allowPrivate, Func<string, Task<IPAddress[]>> resolve, HappyEyeballs connector)
    : IDisposable
{
    private const string Localhost = "localhost";

    // A resolution occupies a thread until the operating system gives up, long after the request timed out. Without this limit, tenants
    // with unresolvable names could occupy all threads of the process.
    private readonly SemaphoreSlim _resolving = new(ResolutionsAtOnce);

    /// <summary>How many resolutions run at a time. Unresolvable names can only delay other webhooks.</summary>
    public const int ResolutionsAtOnce = 4;

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

    /// <summary>Connects to the host; the connect callback of the HTTP handler.</summary>
    /// <exception cref="PrivateAddressException">One of the host's addresses is not public.</exception>
    /// <exception cref="SocketException">The host has no address, or all connection attempts failed.</exception>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var host = context.DnsEndPoint;
        return context.InitialRequestMessage.Options.TryGetValue(AttemptTimeout.Key, out var attempt)
            ? await attempt.ConnectAsync(token => ConnectAsync(host, token), cancellationToken)
            : await ConnectAsync(host, cancellationToken);
    }

    private async Task<Stream> ConnectAsync(DnsEndPoint host, CancellationToken cancellationToken)
    {
        var addresses = await AddressesAsync(host.Host, cancellationToken);
        // One private address rejects the host: the connector tries all addresses.
        if (!allowPrivate && !Array.TrueForAll(addresses, PublicAddress.Is))
            throw new PrivateAddressException();
        return await connector.ConnectAsync(addresses, host.Port, cancellationToken);
    }

    private async Task<IPAddress[]> AddressesAsync(string host, CancellationToken cancellationToken)
    {
        var addresses = IPAddress.TryParse(host, out var address) ? [address] : await ResolveAsync(host, cancellationToken);
        return addresses.Length > 0 ? addresses : throw new SocketException((int)SocketError.HostNotFound);
    }

    /// <inheritdoc/>
    public void Dispose() => _resolving.Dispose();

    private async Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        await _resolving.WaitAsync(cancellationToken);
        // The resolution is not cancelled with this wait: it frees its slot when it frees its thread.
        return await ResolveInSlotAsync(host).WaitAsync(cancellationToken);
    }

    private async Task<IPAddress[]> ResolveInSlotAsync(string host)
    {
        try
        {
            return await resolve(host);
        }
        finally
        {
            _resolving.Release();
        }
    }
}
