using System.Net;
using System.Net.Sockets;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Keeps webhooks, whose URLs tenants choose, out of the network that the server stands in. Names are resolved and judged when a connection is made, and the
/// connection goes to the addresses that were judged: a name that is resolved once more could mean another machine by then.
/// </summary>
/// <param name="allowPrivate">Whether any address may be called.</param>
/// <param name="resolve">Resolves a name; the addresses in the order in which they are to be tried.</param>
internal sealed class WebhookAddressPolicy(bool allowPrivate, Func<string, Task<IPAddress[]>> resolve) : IDisposable
{
    private const string Localhost = "localhost";

    // A resolution occupies a thread until the system gives up, long after nobody waits for it any more. Tenants whose names lead nowhere must not have all
    // threads of the process: they have these.
    private readonly SemaphoreSlim _resolving = new(ResolutionsAtOnce);

    /// <summary>Resolutions at a time.</summary>
    public const int ResolutionsAtOnce = 4;

    /// <summary>Whether the URL shows, without asking anybody, that it leads into a private network and that this is not allowed.</summary>
    public bool Refuses(Uri url)
    {
        if (allowPrivate)
            return false;
        var host = url.DnsSafeHost.TrimEnd('.');
        if (IPAddress.TryParse(host, out var address))
            return !PublicAddress.Is(address);
        return host.Equals(Localhost, StringComparison.OrdinalIgnoreCase) || host.EndsWith('.' + Localhost, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Connects; the callback of the HTTP handler.</summary>
    /// <exception cref="HttpRequestException">One of the host's addresses is not public.</exception>
    /// <exception cref="SocketException">The host has no address, or none of its addresses takes the connection.</exception>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var addresses = await AddressesAsync(context.DnsEndPoint.Host, cancellationToken);
        // One bad address is enough: which of them a connection takes is not ours to say.
        if (!allowPrivate && !Array.TrueForAll(addresses, PublicAddress.Is))
            throw new HttpRequestException(HttpRequestError.ConnectionError, "The host has an address of a private network.");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, context.DnsEndPoint.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
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
        // Not cancelled with the wait for it: its place is free when its thread is.
        return await ResolveInPlaceAsync(host).WaitAsync(cancellationToken);
    }

    private async Task<IPAddress[]> ResolveInPlaceAsync(string host)
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
