using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>
/// Changes the webhook settings of a service instance. Takes no revision, because watches do not show them. An endpoint that is set for the
/// first time, or again after a time without a URL, gets the events after this change.
/// </summary>
/// <param name="sid">The service instance.</param>
/// <param name="edit">Creates the new settings from the present ones; must be pure and return valid settings.</param>
public sealed class UpdateWebhookSettings(ServiceSid sid, Func<WebhookSettings, WebhookSettings> edit) : Command<WebhookSettings>
{
    internal override ServiceSid? Target => sid;

    private protected override void CollectCore(KeyCollector keys) => keys.Service(sid).NeedsWebhook = true;

    private protected override WebhookSettings DecideCore(CommandBatch batch)
    {
        var service = batch.Service(sid);
        var before = service.Rows.Webhook ?? StoredWebhook.DefaultOf(service.Record);
        var after = edit(before.Settings);
        if (after == before.Settings)
            return after;
        if (before.Settings.PostUrl.Length == 0)
            before = before with { Epoch = Math.Max(before.Epoch, batch.Now.ToUnixTimeMilliseconds()) };
        service.Rows.Webhook = before with { Settings = after, Position = PositionOf(after, before, service) };
        return after;
    }

    private static WebhookPosition PositionOf(WebhookSettings after, StoredWebhook before, ServiceBatch service)
    {
        if (after.PostUrl.Length == 0)
            return WebhookPosition.None;
        if (before.Settings.PostUrl.Length > 0)
            return before.Position;
        service.DependOnRevision();
        return WebhookPosition.Now(service.Record);
    }
}
