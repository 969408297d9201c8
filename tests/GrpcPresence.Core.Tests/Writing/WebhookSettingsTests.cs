using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Writing;

/// <summary>What the writer decides about webhook and notification settings.</summary>
public sealed class WebhookSettingsTests : IDisposable
{
    private const string Url = "https://post.example";

    private readonly World _world;
    private int _published;

    public WebhookSettingsTests() => _world = new World(publisher: hub => new PublisherSpy(hub, _ => _published++));

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Webhooks_Settings_are_changed_where_the_edit_says_so()
    {
        var service = await _world.NewService();

        await SetUrl(service, Url);
        var settings = await Update(service, before => before with { Filters = [WebhookEvents.UserAdded], Method = WebhookMethod.Get });

        Assert.Equal(new WebhookSettings { PostUrl = Url, Filters = [WebhookEvents.UserAdded], Method = WebhookMethod.Get }, settings);
        Assert.Equal(settings, (await Find(service))!.Settings);
    }

    [Fact]
    public async Task Webhooks_A_new_URL_receives_only_later_events()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");

        await SetUrl(service, Url);

        Assert.Equal(await _world.Revision(service), (await Find(service))!.Position.Revision);
    }

    [Fact]
    public async Task Webhooks_A_change_earlier_in_the_commit_that_sets_the_URL_is_not_sent_and_a_later_one_is()
    {
        var service = await _world.NewService();
        var before = _world.Queue.SubmitAsync(new CreateUser(service.Sid, World.Id("ada"), "", "{}", default));
        var set = _world.Queue.SubmitAsync(new UpdateWebhookSettings(service.Sid, settings => settings with { PostUrl = Url }));
        var after = _world.Queue.SubmitAsync(new CreateUser(service.Sid, World.Id("bob"), "", "{}", default));
        _world.Write();
        await set;

        Assert.Equal((await before).Revision, (await Find(service))!.Position.Revision);
        Assert.Equal((await before).Revision + 1, (await after).Revision);
    }

    [Fact]
    public async Task Webhooks_Another_url_goes_on_where_the_one_before_stopped()
    {
        var service = await _world.NewService();
        await SetUrl(service, Url);
        var position = (await Find(service))!.Position.Revision;
        await _world.Create(service, "ada");

        await SetUrl(service, "https://other.example");
        await Update(service, before => before with { Filters = [WebhookEvents.UserAdded], Method = WebhookMethod.Get, PreUrl = Url });

        Assert.Equal(position, (await Find(service))!.Position.Revision);
    }

    [Fact]
    public async Task Webhooks_A_position_is_replaced_only_where_it_is_the_expected_one()
    {
        var service = await _world.NewService();
        await SetUrl(service, Url);
        WebhookPosition[] positions =
        [
            (await Find(service))!.Position,
            new(9),
            new(9, KnownSince: 3),
            new(9, KnownSince: null, new WebhookSweep(KnownSince: 3, AfterId: 0)),
            new(9, KnownSince: null, new WebhookSweep(KnownSince: 3, AfterId: 8)),
            new(9, KnownSince: null, WebhookSweep.Everyone),
        ];
        foreach (var (before, after) in positions.Zip(positions.Skip(1)))
        {
            foreach (var wrong in positions.Where(position => position != before))
                await _world.Do(new AdvanceWebhook(service.Sid, service.Id, wrong, new WebhookPosition(1)));
            Assert.Equal(before, (await Find(service))!.Position);
            await _world.Do(new AdvanceWebhook(service.Sid, service.Id, before, after));
            Assert.Equal(after, (await Find(service))!.Position);
        }
    }

    [Fact]
    public async Task Webhooks_Without_a_URL_the_position_does_not_move()
    {
        var service = await _world.NewService();
        await _world.Do(new AdvanceWebhook(service.Sid, service.Id, WebhookPosition.None, new WebhookPosition(9)));
        Assert.Null(await Find(service));

        await SetUrl(service, Url);
        await SetUrl(service, "");
        await _world.Do(new AdvanceWebhook(service.Sid, service.Id, WebhookPosition.None, new WebhookPosition(9)));
        Assert.Equal(WebhookPosition.None, (await Find(service))!.Position);
    }

    [Fact]
    public async Task Webhooks_A_URL_that_is_set_again_receives_no_events_of_the_time_between()
    {
        var service = await _world.NewService();
        await SetUrl(service, Url);

        await SetUrl(service, "");
        Assert.Equal(0, (await Find(service))!.Position.Revision);
        Assert.False((await _world.Store.ListWebhooksAsync(default)).Any());
        await _world.Create(service, "ada");
        await SetUrl(service, Url);

        Assert.Equal(await _world.Revision(service), (await Find(service))!.Position.Revision);
    }

    [Fact]
    public async Task Webhooks_Neither_settings_nor_positions_take_a_revision_or_are_published()
    {
        var service = await _world.NewService();
        var (revision, published) = (await _world.Revision(service), _published);

        await SetUrl(service, Url);
        await Advance(service, revision + 1);
        await _world.Do(new UpdateNotificationSettings(service.Sid, before => before with { LogEnabled = true }));

        Assert.Equal(revision, await _world.Revision(service));
        Assert.Equal(published, _published);
    }

    [Fact]
    public async Task Webhooks_A_position_moves_only_from_the_one_that_is_stored()
    {
        var service = await _world.NewService();
        await SetUrl(service, Url);
        var set = (await Find(service))!.Position;
        var (reached, stale) = (set with { Revision = set.Revision + 2 }, set with { Revision = set.Revision + 1 });

        Assert.True(await _world.Do(new AdvanceWebhook(service.Sid, service.Id, set, reached)));
        Assert.True(await _world.Do(new AdvanceWebhook(service.Sid, service.Id, set, stale)));

        Assert.Equal(reached, (await Find(service))!.Position);
    }

    [Fact]
    public async Task Webhooks_A_new_url_knows_the_on_period_in_which_it_was_set()
    {
        var service = await _world.NewService();
        await SetUrl(service, Url);
        var configuration = (await _world.Store.FindServiceAsync(service.Sid, default))!.Configuration;
        Assert.Equal(configuration.SwitchedOnRevision, (await Find(service))!.Position.KnownSince);

        await SetUrl(service, "");
        await _world.Switch(service.Sid, on: false);
        await SetUrl(service, Url);
        Assert.Null((await Find(service))!.Position.KnownSince);
    }

    [Fact]
    public async Task Webhooks_A_position_of_a_deleted_service_instance_does_not_apply_to_a_new_one_with_its_SID()
    {
        var service = await _world.NewService();
        await SetUrl(service, Url);
        await _world.Do(new DeleteServiceInstance(service.Sid));
        Assert.False(await Advance(service, 100));

        await _world.Do(new CreateServiceInstance(service.Sid, "again"));
        var again = await _world.Services.GetAsync(service.Sid, default);
        Assert.Null(await Find(again));
        await SetUrl(again, Url);

        Assert.False(await Advance(service, 100));
        Assert.Equal(0, (await Find(again))!.Position.Revision);
    }

    [Fact]
    public async Task Webhooks_Settings_of_an_unknown_service_instance_are_rejected()
    {
        var error = await Assert.ThrowsAsync<PresenceException>(
            () => _world.Do(new UpdateWebhookSettings(new ServiceSid(1), before => before)));
        Assert.Equal(ErrorReason.ServiceInstanceNotFound, error.Reason);

        error = await Assert.ThrowsAsync<PresenceException>(
            () => _world.Do(new UpdateNotificationSettings(new ServiceSid(1), before => before)));
        Assert.Equal(ErrorReason.ServiceInstanceNotFound, error.Reason);
    }

    [Fact]
    public async Task Notifications_Settings_are_changed_where_the_edit_says_so()
    {
        var service = await _world.NewService();
        var sound = new MembershipNotification { Sound = "ding" };

        await _world.Do(new UpdateNotificationSettings(service.Sid, before => before with { LogEnabled = true }));
        var settings = await _world.Do(new UpdateNotificationSettings(service.Sid, before => before with { AddedToConversation = sound }));

        Assert.Equal(new NotificationSettings { LogEnabled = true, AddedToConversation = sound }, settings);
        Assert.Equal(settings, await _world.Store.FindNotificationsAsync(service.Sid, default));
    }

    private Task<WebhookSettings> SetUrl(CachedService service, string url) => Update(service, before => before with { PostUrl = url });

    private Task<WebhookSettings> Update(CachedService service, Func<WebhookSettings, WebhookSettings> edit) =>
        _world.Do(new UpdateWebhookSettings(service.Sid, edit));

    private Task<bool> Advance(CachedService service, long position) =>
        _world.Do(new AdvanceWebhook(service.Sid, service.Id, WebhookPosition.None, new WebhookPosition(position)));

    private async Task<StoredWebhook?> Find(CachedService service) => await _world.Store.FindWebhookAsync(service.Sid, default);
}
