using System.Net;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Connects the webhooks of one use. Each connection resolves the name, checks the addresses, and uses only the checked
/// addresses: a second resolution could return another machine.
/// </summary>
/// <param name="use">What is charged for lookups.</param>
/// <param name="policy">Checks the addresses.</param>
/// <param name="resolver">Resolves names.</param>
/// <param name="addresses">Connects to the checked addresses.</param>
internal sealed class WebhookConnector(
    WebhookUse use, WebhookAddressPolicy policy, NameResolver resolver, HappyEyeballs addresses)
{
    /// <summary>Connects to the host; the connect callback of the HTTP handler.</summary>
    /// <exception cref="PrivateAddressException">One of the host's addresses is not public.</exception>
    /// <exception cref="System.Net.Sockets.SocketException">The host has no address, or all connection attempts failed.</exception>
    /// <exception cref="PresenceException">
    /// QuotaExceeded, WebhookCapacityExceeded: too many lookups or connections are in use.
    /// </exception>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var host = context.DnsEndPoint;
        return context.InitialRequestMessage.Options.TryGetValue(AttemptTimeout.Key, out var attempt)
            ? await attempt.ConnectAsync(token => ConnectAsync(host, token), cancellationToken)
            : await ConnectAsync(host, cancellationToken);
    }

    private async Task<Stream> ConnectAsync(DnsEndPoint host, CancellationToken cancellationToken)
    {
        var resolved = await resolver.ResolveAsync(use, host.Host, cancellationToken);
        policy.Check(resolved);
        return await addresses.ConnectAsync(resolved, host.Port, cancellationToken);
    }
}
