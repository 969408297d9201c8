using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Webhooks;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Webhooks;

public sealed class WebhookEndToEndTests
{
    // With an auth token configured, callers need credentials unless the settings allow anonymous callers.
    private static readonly ServerSettings Allowing = new()
    {
        AllowPrivateWebhooks = true,
        AuthToken = "a-token-of-this-test",
        AllowAnonymous = true
    };

    [Fact]
    public async Task A_heartbeat_sends_a_webhook_about_the_user_with_a_valid_signature()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var server = await TestServer.StartAsync(settings: Allowing);
        var service = await server.CreateReachableServiceAsync();
        await SetAsync(server, service, receiver.Url);

        await server.BeatAsync(service, "ada");

        var added = await receiver.NextAsync();
        Assert.Equal(("POST", "onUserAdded", "ada", "created"),
            (added.Method, added.EventType, added.Parameters["Identity"], added.Parameters["UpdateReasons"]));
        var updated = await receiver.NextAsync();
        Assert.Equal(("onUserUpdated", "true", "reachabilityOnline"),
            (updated.EventType, updated.Parameters["IsOnline"], updated.Parameters["UpdateReasons"]));
        Assert.NotEqual(added.Headers["I-Twilio-Idempotency-Token"], updated.Headers["I-Twilio-Idempotency-Token"]);
        foreach (var received in new[] { added, updated })
        {
            var expected = WebhookSignature.Of(Allowing.AuthToken!, received.Url, received.Parameters);
            Assert.Equal(expected, received.Headers["X-Twilio-Signature"]);
        }
    }

    [Fact]
    public async Task The_secret_of_a_service_instance_signs_its_webhooks_and_no_others()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var server = await TestServer.StartAsync(settings: new ServerSettings { AllowPrivateWebhooks = true });
        var (service, other) = (await server.CreateReachableServiceAsync(), await server.CreateReachableServiceAsync());
        var get = new GetWebhookSigningSecretsRequest { ServiceSid = service };
        var secrets = await server.Configuration.GetWebhookSigningSecretsAsync(get);
        await SetAsync(server, service, receiver.Url);
        await SetAsync(server, other, receiver.Url);

        await server.CreateUserAsync(service, "ada");
        var first = await receiver.NextAsync();
        await server.CreateUserAsync(other, "eve");
        var foreign = await receiver.NextAsync();
        await server.Configuration.RotateWebhookSigningSecretAsync(new RotateWebhookSigningSecretRequest { ServiceSid = service });
        await server.CreateUserAsync(service, "bob");
        var rotated = await receiver.NextAsync();

        Assert.Equal(Signed(secrets.Current, first), first.Headers["X-Twilio-Signature"]);
        Assert.NotEqual(Signed(secrets.Current, foreign), foreign.Headers["X-Twilio-Signature"]);
        Assert.Equal(Signed(secrets.Next, rotated), rotated.Headers["X-Twilio-Signature"]);

        static string Signed(WebhookSigningSecret secret, ReceivedWebhook webhook) =>
            WebhookSignature.Of(secret.Secret, webhook.Url, webhook.Parameters);
    }

    [Fact]
    public async Task Switching_reachability_off_sends_what_is_visible_then()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var server = await TestServer.StartAsync(settings: new ServerSettings { AllowPrivateWebhooks = true });
        var service = await server.CreateReachableServiceAsync();
        await SetAsync(server, service, receiver.Url);
        await server.BeatAsync(service, "ada");
        await receiver.NextAsync();
        await receiver.NextAsync();

        await server.Configuration.UpdateConfigurationAsync(new UpdateConfigurationRequest
        {
            Configuration = new Configuration { ServiceSid = service },
            UpdateMask = new FieldMask { Paths = { "reachability_enabled" } },
        });

        var off = await receiver.NextAsync();
        Assert.Equal(("onUserUpdated", "reachabilityOnline"), (off.EventType, off.Parameters["UpdateReasons"]));
        Assert.DoesNotContain("IsOnline", off.Parameters);
    }

    [Fact]
    public async Task A_GET_has_the_parameters_and_a_signature()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var server = await TestServer.StartAsync(settings: Allowing);
        var service = await server.CreateReachableServiceAsync();
        await SetAsync(server, service, receiver.Url, WebhookMethod.Get);

        await server.CreateUserAsync(service, "zürich & co");

        var added = await receiver.NextAsync();
        Assert.Equal(("GET", "zürich & co", "1"), (added.Method, added.Parameters["Identity"], added.Parameters["key"]));
        Assert.Equal(WebhookSignature.Of(Allowing.AuthToken!, added.Url, []), added.Headers["X-Twilio-Signature"]);
    }

    [Fact]
    public async Task Events_that_were_undelivered_at_the_stop_are_delivered_by_the_next_server()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        receiver.Answer = _ => 503;
        await using var first = await TestServer.StartAsync(settings: Allowing);
        var service = await first.CreateReachableServiceAsync();
        await SetAsync(first, service, receiver.Url);
        await first.CreateUserAsync(service, "ada");
        await receiver.NextAsync();
        await first.StopAsync();

        receiver.Answer = _ => 200;
        await using var second = await TestServer.StartAsync(store: first.Store, settings: Allowing);

        Assert.Equal("ada", (await receiver.NextAsync()).Parameters["Identity"]);
    }

    [Theory]
    [InlineData("http://127.0.0.1:9/")]
    [InlineData("http://localhost/hook")]
    [InlineData("https://169.254.169.254/latest")]
    [InlineData("https://[::1]/")]
    public async Task A_private_target_is_rejected_when_it_is_set(string url)
    {
        await using var server = await TestServer.StartAsync();
        var service = await server.CreateServiceAsync();

        var error = await CallError.Of(() => SetAsync(server, service, url));

        Assert.Equal("FIELD_INVALID", error.Reason);
        Assert.Equal(["webhook_configuration.post_webhook_url"], error.Fields);
    }

    private static async Task SetAsync(TestServer server, string service, string url, WebhookMethod method = WebhookMethod.Post) =>
        await server.Configuration.UpdateWebhookConfigurationAsync(new UpdateWebhookConfigurationRequest
        {
            WebhookConfiguration = new WebhookConfiguration
            {
                ServiceSid = service,
                PostWebhookUrl = url,
                Method = method,
                Filters = { "onUserAdded", "onUserUpdated" },
            },
            UpdateMask = FieldMask.FromString("post_webhook_url,filters,method"),
        });
}
