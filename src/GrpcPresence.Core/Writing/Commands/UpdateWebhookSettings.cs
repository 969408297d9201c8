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
    private protected override WebhookSettings DecideCore(CommandBatch batch)
    {
        var service = batch.Service(sid).Record;
        var before = batch.Store.FindWebhook(service.Id) ?? new StoredWebhook(service.Id, sid, new WebhookSettings(), Position: 0);
        var after = edit(before.Settings);
        if (after != before.Settings)
            batch.Store.PutWebhook(before with { Settings = after, Position = PositionOf(after, before, service.Revision) });
        return after;
    }

    private static long PositionOf(WebhookSettings after, StoredWebhook before, long now)
    {
        if (after.PostUrl.Length == 0)
            return 0;
        return before.Settings.PostUrl.Length == 0 ? now : before.Position;
    }
}
