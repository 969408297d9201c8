using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>Makes the next secret of a service instance sign its webhooks. Takes no revision.</summary>
/// <param name="sid">The service instance.</param>
public sealed class RotateWebhookSecret(ServiceSid sid) : Command<WebhookSigner>
{
    internal override ServiceSid? Target => sid;

    private protected override void CollectCore(KeyCollector keys) => keys.Service(sid).NeedsWebhook = true;

    private protected override WebhookSigner DecideCore(CommandBatch batch)
    {
        var service = batch.Service(sid);
        var webhook = service.Rows.Webhook ?? StoredWebhook.DefaultOf(service.Record);
        webhook = webhook with { SecretGeneration = webhook.SecretGeneration + 1 };
        service.Rows.Webhook = webhook;
        return webhook.Signer;
    }
}
