using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>
/// Notes how far the events of a service instance have been delivered. Takes no revision and is not visible to clients. The result says
/// whether the service instance still exists. Does nothing if it does not, or if another has taken its SID.
/// </summary>
/// <param name="sid">The service instance.</param>
/// <param name="serviceId">The store's key of it.</param>
/// <param name="expected">The position that must be the stored one. Otherwise the URL was set again, and nothing changes.</param>
/// <param name="reached">The new position.</param>
public sealed class AdvanceWebhook(ServiceSid sid, long serviceId, WebhookPosition expected, WebhookPosition reached) : Command<bool>
{
    internal override ServiceSid? Target => sid;

    private protected override void CollectCore(KeyCollector keys) => keys.Service(sid).NeedsWebhook = true;

    private protected override bool DecideCore(CommandBatch batch)
    {
        if (batch.FindService(sid) is not { } service || service.Id != serviceId)
            return false;
        if (service.Rows.Webhook is { Settings.PostUrl.Length: > 0 } webhook && webhook.Position == expected)
            service.Rows.Webhook = webhook with { Position = reached };
        return true;
    }
}
