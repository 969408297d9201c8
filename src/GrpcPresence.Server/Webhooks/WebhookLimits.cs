using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// The limits of what webhooks occupy. Connections and lookups take at most a quarter and an eighth of the file descriptors that the
/// process itself leaves, so that endpoints and name servers that do not answer leave enough for clients.
/// </summary>
/// <param name="Pending">Edits that wait for the pre-event webhook.</param>
/// <param name="Lookups">Lookups of host names in flight.</param>
/// <param name="Connections">Open connections, including idle ones and those that are being established.</param>
internal sealed record WebhookLimits(WebhookLimit Pending, WebhookLimit Lookups, WebhookLimit Connections)
{
    // The files of the program, the store and the listeners: 259 were open in a server without clients.
    private const int OwnFiles = 256;

    // Without these, a process with few file descriptors could send no webhooks.
    private const int MinConnections = 8;
    private const int MinLookups = 4;

    /// <summary>Creates the limits.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="fileDescriptors">How many file descriptors the process may have.</param>
    /// <param name="metrics">Counts refusals.</param>
    public static WebhookLimits New(ServerSettings settings, int fileDescriptors, PresenceMetrics metrics)
    {
        var pendingPerUse = settings.Quotas.ServiceInstance.PendingPreWebhooks;
        var connections = Math.Clamp((fileDescriptors - OwnFiles) / 4, MinConnections, Limits.WebhookConnections);
        var lookups = Math.Clamp((fileDescriptors - OwnFiles) / 8, MinLookups, Limits.WebhookLookups);
        return new WebhookLimits(
            // As many as connections. An edit that finds no connection is rejected by the HTTP client, which costs much more: 200 such
            // edits at a time delayed those of others by seconds.
            new WebhookLimit(Quota.PendingPreWebhooks, connections, pendingPerUse, metrics),
            new WebhookLimit(Quota.WebhookLookups, lookups, Limits.WebhookLookupsPerUse, metrics),
            new WebhookLimit(
                Quota.WebhookConnections, connections, Math.Max(Limits.WebhookConnectionsPerUse, pendingPerUse), metrics));
    }
}
