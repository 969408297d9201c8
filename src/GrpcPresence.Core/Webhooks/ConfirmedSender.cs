namespace GrpcPresence.Core.Webhooks;

/// <summary>
/// Sends events only while no other node can have taken the home shard. A node that was paused, or cut off from the others, may not know
/// yet that the next holder delivers, and nothing fences a request. Its events are deferred, until it is confirmed again or stops.
/// </summary>
/// <param name="sender">Sends one event.</param>
/// <param name="isConfirmed">Whether no other node can have taken the shards of this one. Safe from any thread.</param>
internal sealed class ConfirmedSender(IWebhookSender sender, Func<bool> isConfirmed) : IWebhookSender
{
    /// <inheritdoc/>
    public Task<WebhookOutcome> SendAsync(WebhookDelivery delivery, CancellationToken cancellationToken) =>
        isConfirmed() ? sender.SendAsync(delivery, cancellationToken) : Task.FromResult(WebhookOutcome.Deferred);
}
