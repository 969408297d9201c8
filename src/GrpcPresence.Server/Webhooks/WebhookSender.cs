using System.Net;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Webhooks;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Webhooks;

/// <summary>Sends events over HTTP.</summary>
internal sealed class WebhookSender(WebhookClient client, WebhookSecrets secrets, WebhookLog log, ServerSettings settings)
    : IWebhookSender
{
    /// <inheritdoc/>
    public async Task<WebhookOutcome> SendAsync(WebhookDelivery delivery, CancellationToken cancellationToken)
    {
        var form = WebhookForm.Of(settings.AccountSid, delivery.EventType, delivery.User, delivery.Reasons, delivery.Epoch);
        HttpStatusCode? status;
        try
        {
            var request = new WebhookRequest(delivery.Url, delivery.Method, form)
            {
                Use = new WebhookUse(delivery.User.Service),
                Secret = secrets.Find(delivery.Signer),
            };
            status = (await client.SendAsync(request, cancellationToken)).Status;
        }
        catch (PresenceException exception) when (exception.Reason == ErrorReason.StorageUnavailable)
        {
            return WebhookOutcome.Failed; // unsigned, the endpoint would reject the event permanently
        }
        catch (PresenceException)
        {
            return WebhookOutcome.Deferred; // no lookup or connection is free
        }
        var outcome = OutcomeOf(status);
        if (outcome == WebhookOutcome.Refused)
            log.Rejected(delivery.User.Service, delivery.Url, status!.Value);
        return outcome;
    }

    // A 4xx status rejects the same request permanently, except for the statuses that ask for a later attempt.
    private static WebhookOutcome OutcomeOf(HttpStatusCode? status) => status switch
    {
        >= HttpStatusCode.OK and < HttpStatusCode.MultipleChoices => WebhookOutcome.Taken,
        HttpStatusCode.RequestTimeout or (HttpStatusCode)425 or HttpStatusCode.TooManyRequests => WebhookOutcome.Failed,
        >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError => WebhookOutcome.Refused,
        _ => WebhookOutcome.Failed,
    };
}
