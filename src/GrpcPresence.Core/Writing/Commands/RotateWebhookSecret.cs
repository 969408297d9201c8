using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>Makes the next secret of a service instance sign its webhooks. Takes no revision.</summary>
/// <param name="sid">The service instance.</param>
public sealed class RotateWebhookSecret(ServiceSid sid) : Command<WebhookSigner>
{
    private protected override WebhookSigner DecideCore(CommandBatch batch)
    {
        var service = batch.Service(sid).Record;
        var webhook = batch.Store.FindWebhook(service.Id) ?? StoredWebhook.DefaultOf(service);
        webhook = webhook with { SecretGeneration = webhook.SecretGeneration + 1 };
        batch.Store.PutWebhook(webhook);
        return webhook.Signer;
    }
}
