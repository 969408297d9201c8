using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Testing;

/// <summary>Webhook and notification settings.</summary>
internal sealed partial class InMemoryTransaction
{
    public StoredWebhook? FindWebhook(long serviceId)
    {
        BeginOperation();
        return _image.Services[serviceId].Webhook;
    }

    public void PutWebhook(StoredWebhook webhook)
    {
        BeginOperation();
        _image = _image.With(_image.Services[webhook.ServiceId] with { Webhook = webhook });
    }

    public void AdvanceWebhook(long serviceId, WebhookPosition expected, WebhookPosition reached)
    {
        BeginOperation();
        var service = _image.Services[serviceId];
        if (service.Webhook is { Settings.PostUrl.Length: > 0 } webhook && webhook.Position == expected)
            _image = _image.With(service with { Webhook = webhook with { Position = reached } });
    }

    public NotificationSettings FindNotifications(long serviceId)
    {
        BeginOperation();
        return _image.Services[serviceId].Notifications;
    }

    public void PutNotifications(long serviceId, NotificationSettings settings)
    {
        BeginOperation();
        _image = _image.With(_image.Services[serviceId] with { Notifications = settings });
    }
}
