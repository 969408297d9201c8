using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>Webhook and notification settings.</summary>
public abstract partial class PresenceStoreConformance
{
    [Fact]
    public async Task Webhook_settings_come_back_as_they_were_put()
    {
        var service = AddService();
        var given = new StoredWebhook(
            service.Id,
            service.Sid,
            new WebhookSettings
            {
                PreUrl = "https://pre.example/é?a=1,2",
                PostUrl = "https://post.example",
                Filters = ["onUserUpdated", "onMessageAdded", "onUserAdded"],
                Method = WebhookMethod.Get,
                PreFailsClosed = true,
            },
            new WebhookPosition(long.MaxValue, KnownSince: 7, new WebhookSweep(KnownSince: 0, AfterId: long.MaxValue)))
        {
            SecretGeneration = long.MaxValue,
            Epoch = long.MaxValue,
        };
        var changed = given with { Settings = new WebhookSettings { PostUrl = "http://other.example" }, Position = new WebhookPosition(3) };

        Write(session => session.PutWebhook(given));

        Assert.Equal(given, await Store.FindWebhookAsync(service.Sid, Stop));
        Assert.Equal(given, Session.Read(service.Sid, keys => keys.NeedsWebhook = true).Webhook);
        Write(session => session.PutWebhook(changed));
        Restart();
        Assert.Equal(changed, await Store.FindWebhookAsync(service.Sid, Stop));
    }

    [Fact]
    public async Task Webhook_settings_that_were_never_set_are_null()
    {
        var (service, other) = (AddService(1), AddService(2));
        Write(session => session.PutWebhook(WebhookOf(other, "https://post.example", 1)));

        Assert.Null(await Store.FindWebhookAsync(service.Sid, Stop));
        Assert.Null(Session.Read(service.Sid, keys => keys.NeedsWebhook = true).Webhook);
        Assert.Equal(ErrorReason.ServiceInstanceNotFound, await RejectionOf(Store.FindWebhookAsync(Sample.ServiceSid(3), Stop)));
    }

    [Fact]
    public async Task Webhooks_with_a_URL_and_a_service_instance_are_listed_by_ascending_key()
    {
        var services = Enumerable.Range(1, 4).Select(number => AddService(number)).ToList();
        var (last, first) = (WebhookOf(services[3], "https://last.example", 9), WebhookOf(services[0], "https://first.example", 8));
        Write(session =>
        {
            session.PutWebhook(last);
            session.PutWebhook(first);
            session.PutWebhook(WebhookOf(services[1], "", 0));
            session.PutWebhook(WebhookOf(services[2], "https://deleted.example", 7));
        });
        Write(session => session.DeleteService(services[2].Id));

        Assert.Equal([first, last], await Store.ListWebhooksAsync(Stop));
    }

    [Fact]
    public async Task After_the_data_went_back_every_endpoint_is_swept_and_after_a_restart_none_is()
    {
        var (service, silent) = (AddService(1), AddService(2));
        var webhook = WebhookOf(service, "https://post.example", 5);
        Write(session => session.PutWebhook(webhook));
        Write(session => session.PutWebhook(WebhookOf(silent, "", 0)));
        Restart();
        Assert.Equal(webhook, await Store.FindWebhookAsync(service.Sid, Stop));

        var swept = webhook.Position with { Sweep = WebhookSweep.Everyone };
        var backup = Backup();
        AddUser(service, Sample.User(1, revision: 2));
        Restore(backup);

        var restored = (await Store.FindWebhookAsync(service.Sid, Stop))!;
        Assert.Equal(swept, restored.Position);
        Assert.True(restored.Epoch > webhook.Epoch);
        Assert.Equal(WebhookPosition.None, (await Store.FindWebhookAsync(silent.Sid, Stop))!.Position);
        Write(session => session.PutWebhook(restored with { Position = webhook.Position }));
        Restart();
        Assert.Equal(webhook with { Epoch = restored.Epoch }, await Store.FindWebhookAsync(service.Sid, Stop));
    }

    [Fact]
    public async Task Notification_settings_come_back_as_they_were_put()
    {
        var service = AddService();
        var membership = new MembershipNotification { Enabled = true, Template = "naïve \0 🙂 \"${USER}\"", Sound = "ding" };
        var given = new NotificationSettings
        {
            LogEnabled = true,
            NewMessage = new NewMessageNotification
            {
                Enabled = true,
                Template = "</script>",
                Sound = "dong",
                BadgeCountEnabled = true,
                WithMedia = new MediaNotification { Enabled = true, Template = "media" },
            },
            AddedToConversation = membership,
            RemovedFromConversation = membership with { Enabled = false, Sound = "" },
        };

        Write(session => session.PutNotifications(service.Id, given));

        Assert.Equal(given, await Store.FindNotificationsAsync(service.Sid, Stop));
        Assert.Equal(given, Session.Read(service.Sid, keys => keys.NeedsNotifications = true).Notifications);
        Write(session => session.PutNotifications(service.Id, given with { LogEnabled = false }));
        Restart();
        Assert.Equal(given with { LogEnabled = false }, await Store.FindNotificationsAsync(service.Sid, Stop));
    }

    [Fact]
    public async Task Notification_settings_that_were_never_set_are_the_defaults()
    {
        var service = AddService();

        Assert.Equal(new NotificationSettings(), await Store.FindNotificationsAsync(service.Sid, Stop));
        Assert.Equal(new NotificationSettings(), Session.Read(service.Sid, keys => keys.NeedsNotifications = true).Notifications);
        Assert.Equal(ErrorReason.ServiceInstanceNotFound, await RejectionOf(Store.FindNotificationsAsync(Sample.ServiceSid(2), Stop)));
    }

    [Fact]
    public async Task A_service_instance_that_took_a_deleted_ones_sid_has_settings_of_its_own_and_keeps_them()
    {
        var first = AddService(1);
        Write(session =>
        {
            session.PutWebhook(WebhookOf(first, "https://first.example", 5));
            session.PutNotifications(first.Id, new NotificationSettings { LogEnabled = true });
        });
        Write(session => session.DeleteService(first.Id));
        var second = AddService(1);

        Assert.Null(await Store.FindWebhookAsync(second.Sid, Stop));
        Assert.False((await Store.FindNotificationsAsync(second.Sid, Stop)).LogEnabled);
        var own = WebhookOf(second, "https://second.example", 1);
        Write(session => session.PutWebhook(own));
        PurgeAll();
        Assert.Equal([own], await Store.ListWebhooksAsync(Stop));
    }

    private static StoredWebhook WebhookOf(ServiceRecord service, string postUrl, long position) =>
        new(
            service.Id,
            service.Sid,
            new WebhookSettings { PostUrl = postUrl, Filters = [WebhookEvents.UserAdded] },
            new WebhookPosition(position));
}
