using GrpcPresence.Twilio.Tests.Fixture;
using Twilio.Rest.Conversations.V1.Service.Configuration;
using ServiceResource = Twilio.Rest.Conversations.V1.ServiceResource;

namespace GrpcPresence.Twilio.Tests;

/// <summary>Tests webhook settings through the Twilio SDK.</summary>
public sealed class TwilioWebhookSettingsTests(OpenServer server)
{
    [Fact]
    public async Task Webhook_settings_are_null_until_set_and_then_kept()
    {
        var service = (await ServiceResource.CreateAsync("Webhooks", server.Client)).Sid;
        Assert.Null((await WebhookResource.FetchAsync(service, server.Client)).PostWebhookUrl);
        var url = new Uri("https://example.org/presence?a=b");

        await WebhookResource.UpdateAsync(
            service, postWebhookUrl: url, filters: ["onUserAdded", "onUserUpdated"], method: "GET", client: server.Client);

        var kept = await WebhookResource.FetchAsync(service, server.Client);
        Assert.Equal((url, null, WebhookResource.MethodEnum.Get), (kept.PostWebhookUrl, kept.PreWebhookUrl, kept.Method));
        Assert.Equal(["onUserAdded", "onUserUpdated"], kept.Filters);
    }
}
