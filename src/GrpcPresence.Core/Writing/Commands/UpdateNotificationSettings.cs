using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>Changes the notification settings of a service instance. Takes no revision, because watches do not show them.</summary>
/// <param name="sid">The service instance.</param>
/// <param name="edit">Creates the new settings from the present ones; must be pure and return valid settings.</param>
public sealed class UpdateNotificationSettings(ServiceSid sid, Func<NotificationSettings, NotificationSettings> edit)
    : Command<NotificationSettings>
{
    internal override ServiceSid? Target => sid;

    private protected override void CollectCore(KeyCollector keys) => keys.Service(sid).NeedsNotifications = true;

    private protected override NotificationSettings DecideCore(CommandBatch batch)
    {
        var rows = batch.Service(sid).Rows;
        var before = rows.Notifications;
        var after = edit(before);
        if (after != before)
            rows.Notifications = after;
        return after;
    }
}
