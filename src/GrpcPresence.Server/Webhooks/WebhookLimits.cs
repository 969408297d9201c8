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
    /// <summary>Creates the limits.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="files">The files that webhooks may take.</param>
    /// <param name="metrics">Counts refusals.</param>
    public static WebhookLimits New(ServerSettings settings, FileBudget files, PresenceMetrics metrics)
    {
        var pendingPerUse = settings.Quotas.ServiceInstance.PendingPreWebhooks;
        return new WebhookLimits(
            // As many as connections. An edit that finds no connection is rejected by the HTTP client, which costs much more: 200 such
            // edits at a time delayed those of others by seconds.
            new WebhookLimit(Quota.PendingPreWebhooks, files.WebhookConnections, pendingPerUse, metrics),
            new WebhookLimit(Quota.WebhookLookups, files.WebhookLookups, Limits.WebhookLookupsPerUse, metrics),
            new WebhookLimit(
                Quota.WebhookConnections,
                files.WebhookConnections,
                Math.Max(Limits.WebhookConnectionsPerUse, pendingPerUse),
                metrics));
    }
}
