using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Webhooks;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Starts the dispatcher when the store has been recovered, and stops it while the writer still stores positions: hosted services stop in the opposite
/// order of their start. A server for one command of the operator tells nobody.
/// </summary>
internal sealed class WebhookService(WebhookDispatcher dispatcher, ServerSettings settings, PresenceMetrics metrics, ILogger<WebhookService> logger)
    : IHostedService
{
    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (settings.HasAdminSocketOnly)
            return;
        dispatcher.GivenUp += OnGivenUp;
        metrics.ObserveOpenCircuits(() => dispatcher.OpenCircuits);
        metrics.ObserveWebhookLag(() => dispatcher.Lag);
        await dispatcher.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        // A store that fails may keep a position waiting; it is told again after the next start.
        await dispatcher.StopAsync().WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        dispatcher.GivenUp -= OnGivenUp;
    }

    private void OnGivenUp(ServiceSid service, UserSid user) => Log.WebhookGivenUp(logger, service, user);
}
