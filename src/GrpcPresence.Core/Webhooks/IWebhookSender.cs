namespace GrpcPresence.Core.Webhooks;

/// <summary>Tells events to receivers: the port behind which the protocol is. Safe from any thread.</summary>
public interface IWebhookSender
{
    /// <summary>Tries once. Takes a bounded time whatever the receiver does, and throws nothing for what the receiver does.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled; whether the event was taken is not known.</exception>
    Task<WebhookOutcome> SendAsync(WebhookDelivery delivery, CancellationToken cancellationToken);
}
