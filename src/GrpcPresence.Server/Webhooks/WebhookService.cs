using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Webhooks;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Starts the dispatcher after the store is recovered, and stops it while the writer can still store positions: hosted services stop in
/// reverse order. A server that serves only the admin socket sends no webhooks.
/// </summary>
internal sealed class WebhookService(
    WebhookDispatcher dispatcher, ServerSettings settings, PresenceMetrics metrics, WebhookLog log) : IHostedService
{
    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (settings.HasAdminSocketOnly)
            return;
        dispatcher.GivenUp += log.GivenUp;
        metrics.ObserveOpenCircuits(() => dispatcher.OpenCircuits);
        metrics.ObserveWebhookLag(() => dispatcher.Lag);
        await dispatcher.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        // A store that fails can block the stop. The unstored events are sent again after the next start.
        await dispatcher.StopAsync().WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        dispatcher.GivenUp -= log.GivenUp;
    }
}
