using System.Net;

namespace GrpcPresence.Server.Tests.Rest;

/// <summary>Tests service instances and their settings over REST.</summary>
public sealed class ConfigurationTests : IAsyncLifetime
{
    private RestServer _rest = null!;
    private string _service = "";

    public async ValueTask InitializeAsync()
    {
        _rest = await RestServer.StartAsync();
        _service = await _rest.CreateServiceAsync();
    }

    public ValueTask DisposeAsync() => _rest.DisposeAsync();

    [Fact]
    public async Task The_seed_s_request_switches_reachability_on_and_off()
    {
        Assert.False((await _rest.GetAsync(_service + "/Configuration")).Flag("reachability_enabled"));

        var on = await _rest.PostAsync(_service + "/Configuration", ("ReachabilityEnabled", "true"));
        Assert.Equal(HttpStatusCode.OK, on.Status);
        Assert.True(on.Flag("reachability_enabled"));
        Assert.EndsWith(on.Text("chat_service_sid")!, _service, StringComparison.Ordinal);

        Assert.False((await _rest.PostAsync(_service + "/Configuration", ("ReachabilityEnabled", "False"))).Flag("reachability_enabled"));
    }

    [Fact]
    public async Task A_configuration_has_the_product_s_fields()
    {
        var read = await _rest.GetAsync(_service + "/Configuration");

        Assert.Equal(
            [
                "chat_service_sid", "default_conversation_creator_role_sid", "default_conversation_role_sid",
                "default_chat_service_role_sid",
                "reachability_enabled", "url", "links",
            ],
            read.Names);
        Assert.Equal(new Uri(_rest.Server.RestAddress, _service + "/Configuration").ToString(), read.Text("url"));
        Assert.Equal(read.Text("url") + "/Notifications", read.Text("links", "notifications"));
        Assert.Equal(read.Text("url") + "/Webhooks", read.Text("links", "webhooks"));
    }

    [Fact]
    public async Task What_is_not_named_stays_and_what_is_unknown_is_ignored()
    {
        const string Role = "RL0123456789abcdef0123456789abcdef";
        await _rest.PostAsync(_service + "/Configuration", ("DefaultChatServiceRoleSid", Role), ("NoSuchParameter", "1"));

        var updated = await _rest.PostAsync(_service + "/Configuration", ("ReachabilityEnabled", "true"));

        Assert.Equal(Role, updated.Text("default_chat_service_role_sid"));
        var emptied = await _rest.PostAsync(_service + "/Configuration", ("DefaultChatServiceRoleSid", ""));
        Assert.Null(emptied.Text("default_chat_service_role_sid"));
        // A request without parameters changes nothing.
        Assert.True((await _rest.PostAsync(_service + "/Configuration")).Flag("reachability_enabled"));
    }

    [Fact]
    public async Task Everything_that_is_wrong_is_reported_at_once()
    {
        var refused = await _rest.PostAsync(
            _service + "/Configuration",
            ("ReachabilityEnabled", "maybe"),
            ("DefaultConversationRoleSid", "none"),
            ("DefaultChatServiceRoleSid", "x"));

        refused.Fails(HttpStatusCode.BadRequest, 20001);
        Assert.Equal(
            [
                ("ReachabilityEnabled", "FIELD_INVALID"),
                ("DefaultConversationRoleSid", "FIELD_INVALID"),
                ("DefaultChatServiceRoleSid", "FIELD_INVALID"),
            ],
            refused.Violations);
    }

    [Fact]
    public async Task A_service_instance_is_created_read_listed_and_deleted()
    {
        var read = await _rest.GetAsync(_service);
        Assert.Equal(["account_sid", "sid", "friendly_name", "date_created", "date_updated", "url", "links"], read.Names);
        Assert.Equal("Of a test", read.Text("friendly_name"));
        Assert.Matches("^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$", read.Text("date_created"));

        var list = await _rest.GetAsync("/v1/Services");
        Assert.Equal(read.Text("sid"), list.At("services")[0].GetProperty("sid").GetString());

        Assert.Equal(HttpStatusCode.NoContent, (await _rest.DeleteAsync(_service)).Status);
        (await _rest.GetAsync(_service)).Fails(HttpStatusCode.NotFound, 20404);
        (await _rest.DeleteAsync(_service)).Fails(HttpStatusCode.NotFound, 20404);
    }

    [Fact]
    public async Task A_service_instance_needs_a_name()
    {
        var refused = await _rest.PostAsync("/v1/Services");

        Assert.Equal(("FriendlyName", "FIELD_REQUIRED"), Assert.Single(refused.Fails(HttpStatusCode.BadRequest, 50000).Violations));
    }

    [Fact]
    public async Task Notifications_are_kept_by_their_dotted_names()
    {
        var path = _service + "/Configuration/Notifications";
        await _rest.PostAsync(path, ("NewMessage.WithMedia.Template", "a picture"), ("NewMessage.Enabled", "true"), ("LogEnabled", "true"));

        var updated = await _rest.PostAsync(path, ("RemovedFromConversation.Sound", "bell"));

        Assert.Equal(
            ["account_sid", "chat_service_sid", "log_enabled", "new_message", "added_to_conversation", "removed_from_conversation", "url"],
            updated.Names);
        Assert.True(updated.Flag("log_enabled"));
        Assert.True(updated.Flag("new_message", "enabled"));
        Assert.False(updated.Flag("new_message", "badge_count_enabled"));
        Assert.Equal("a picture", updated.Text("new_message", "with_media", "template"));
        Assert.Equal("bell", updated.Text("removed_from_conversation", "sound"));
        Assert.Null(updated.Text("added_to_conversation", "template"));
        var refused = await _rest.PostAsync(path, ("NewMessage.Enabled", "2"), ("NewMessage.Template", new string('x', 1025)));
        var violations = refused.Fails(HttpStatusCode.BadRequest, 20001).Violations;
        Assert.Equal(["NewMessage.Enabled", "NewMessage.Template"], violations.Select(violation => violation.Parameter));
    }

    [Fact]
    public async Task Webhooks_are_null_until_they_are_set()
    {
        var path = _service + "/Configuration/Webhooks";
        var initial = await _rest.GetAsync(path);
        Assert.Equal(
            [
                "account_sid", "chat_service_sid", "pre_webhook_url", "post_webhook_url", "filters", "method", "pre_webhook_fail_closed",
                "url",
            ],
            initial.Names);
        Assert.False(initial.Flag("pre_webhook_fail_closed"));
        Assert.Null(initial.Text("pre_webhook_url"));
        Assert.Null(initial.Text("filters"));

        await _rest.PostAsync(
            path, ("PostWebhookUrl", "https://example.com/told"), ("Filters", "onUserAdded"), ("Filters", "onUserUpdated"));
        var set = await _rest.PostAsync(path, ("Method", "get"));

        Assert.Equal("https://example.com/told", set.Text("post_webhook_url"));
        Assert.Equal(["onUserAdded", "onUserUpdated"], set.At("filters").EnumerateArray().Select(filter => filter.GetString()));
        Assert.Equal("GET", set.Text("method"));
        Assert.True((await _rest.PostAsync(path, ("PreWebhookFailClosed", "true"))).Flag("pre_webhook_fail_closed"));
        Assert.Null((await _rest.PostAsync(path, ("Filters", ""))).Text("filters"));
        var refused = await _rest.PostAsync(path, ("Method", "PUT"), ("PreWebhookUrl", "ftp://example.com"));
        var violations = refused.Fails(HttpStatusCode.BadRequest, 20001).Violations;
        Assert.Equal(["Method", "PreWebhookUrl"], violations.Select(violation => violation.Parameter).Order());
    }
}
