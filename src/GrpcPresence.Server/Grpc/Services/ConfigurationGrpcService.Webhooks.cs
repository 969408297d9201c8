using Grpc.Core;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Grpc.Services;

/// <content>Webhook and notification settings.</content>
internal sealed partial class ConfigurationGrpcService
{
    /// <inheritdoc/>
    public override async Task<GetWebhookConfigurationResponse> GetWebhookConfiguration(
        GetWebhookConfigurationRequest request, ServerCallContext context)
    {
        var sid = ReadService(request.ServiceSid);
        var store = await reads.OfAsync(sid, context);
        var webhook = await store.FindWebhookAsync(sid, context.CancellationToken);
        return new GetWebhookConfigurationResponse { WebhookConfiguration = (webhook?.Settings ?? new WebhookSettings()).ToMessage(sid) };
    }

    /// <inheritdoc/>
    public override async Task<UpdateWebhookConfigurationResponse> UpdateWebhookConfiguration(
        UpdateWebhookConfigurationRequest request, ServerCallContext context)
    {
        var change = request.ToChange(guard, out var sid);
        var audited = audit.OfCritical<WebhookSettings>(context, _ => sid, string.Join(", ", request.UpdateMask.Paths.Distinct()));
        var updated = await commands.SubmitAsync(change, context, settings =>
        {
            audited(settings);
            webhooks.Apply(sid);
        });
        return new UpdateWebhookConfigurationResponse { WebhookConfiguration = updated.ToMessage(sid) };
    }

    /// <inheritdoc/>
    public override async Task<GetWebhookSigningSecretsResponse> GetWebhookSigningSecrets(
        GetWebhookSigningSecretsRequest request, ServerCallContext context)
    {
        var service = await FindAsync(request.ServiceSid, context);
        var store = await reads.OfAsync(service.Sid, context);
        var webhook = await store.FindWebhookAsync(service.Sid, context.CancellationToken) ?? StoredWebhook.DefaultOf(service);
        return new GetWebhookSigningSecretsResponse
        {
            Current = SecretOf(webhook.Signer),
            Next = SecretOf(webhook.Signer.Next),
            SignedByAuthToken = settings.AuthToken is not null,
        };
    }

    /// <inheritdoc/>
    public override async Task<RotateWebhookSigningSecretResponse> RotateWebhookSigningSecret(
        RotateWebhookSigningSecretRequest request, ServerCallContext context)
    {
        var service = await FindAsync(request.ServiceSid, context);
        var sid = service.Sid;
        // Fails before the rotation if the secrets cannot be derived. Otherwise a caller that tries again would rotate again.
        secrets.Get(StoredWebhook.DefaultOf(service).Signer);
        var audited = audit.OfCritical<WebhookSigner>(context, _ => sid);
        var signer = await commands.SubmitAsync(new RotateWebhookSecret(sid), context, rotated =>
        {
            audited(rotated);
            webhooks.Apply(sid);
        });
        return new RotateWebhookSigningSecretResponse { Current = SecretOf(signer), Next = SecretOf(signer.Next) };
    }

    private WebhookSigningSecret SecretOf(WebhookSigner signer) => new() { Generation = signer.Generation, Secret = secrets.Get(signer) };

    /// <inheritdoc/>
    public override async Task<GetNotificationConfigurationResponse> GetNotificationConfiguration(
        GetNotificationConfigurationRequest request, ServerCallContext context)
    {
        var sid = ReadService(request.ServiceSid);
        var store = await reads.OfAsync(sid, context);
        var settings = await store.FindNotificationsAsync(sid, context.CancellationToken);
        return new GetNotificationConfigurationResponse { NotificationConfiguration = settings.ToMessage(sid) };
    }

    /// <inheritdoc/>
    public override async Task<UpdateNotificationConfigurationResponse> UpdateNotificationConfiguration(
        UpdateNotificationConfigurationRequest request, ServerCallContext context)
    {
        var change = request.ToChange(out var sid);
        var paths = string.Join(", ", request.UpdateMask.Paths.Distinct());
        var updated = await commands.SubmitAsync(change, context, audit.Of<NotificationSettings>(context, _ => sid, paths));
        return new UpdateNotificationConfigurationResponse { NotificationConfiguration = updated.ToMessage(sid) };
    }
}
