using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Services;

public class WebhookConfigurationTests
{
    /// <summary>Starts the server that the tests call. Those of a cluster call one of its nodes.</summary>
    private protected virtual Task<TestServer> StartAsync() => TestServer.StartAsync();

    [Fact]
    public async Task Webhook_settings_that_were_never_set_are_the_defaults()
    {
        await using var server = await StartAsync();
        var sid = await server.CreateServiceAsync();

        Assert.Equal(new WebhookConfiguration { ServiceSid = sid, Method = WebhookMethod.Post }, await GetAsync(server, sid));
    }

    [Fact]
    public async Task Webhook_settings_change_where_the_mask_says_so()
    {
        await using var server = await StartAsync();
        var sid = await server.CreateServiceAsync();
        var given = new WebhookConfiguration
        {
            ServiceSid = sid,
            PreWebhookUrl = "https://pre.example/?a=b",
            PostWebhookUrl = "http://post.example",
            Filters = { "onUserUpdated", "onUserAdded", "onUserUpdated", "onMessageAdded" },
            Method = WebhookMethod.Get,
            PreWebhookFailClosed = true,
        };

        await UpdateAsync(server, given, "pre_webhook_url", "filters");
        var first = new WebhookConfiguration
        {
            ServiceSid = sid,
            PreWebhookUrl = "https://pre.example/?a=b",
            Filters = { "onUserUpdated", "onUserAdded", "onMessageAdded" },
            Method = WebhookMethod.Post,
        };
        Assert.Equal(first, await GetAsync(server, sid));

        var second = await UpdateAsync(server, given, "post_webhook_url", "method", "pre_webhook_fail_closed");
        Assert.Equal(
            new WebhookConfiguration(first)
            {
                PostWebhookUrl = "http://post.example",
                Method = WebhookMethod.Get,
                PreWebhookFailClosed = true,
            },
            second);
        Assert.Equal(second, await GetAsync(server, sid));

        var cleared = await UpdateAsync(
            server, new WebhookConfiguration { ServiceSid = sid }, "pre_webhook_url", "post_webhook_url", "filters", "method",
            "pre_webhook_fail_closed");
        Assert.Equal(new WebhookConfiguration { ServiceSid = sid, Method = WebhookMethod.Post }, cleared);
    }

    [Fact]
    public async Task A_service_instance_shows_the_present_and_the_next_signing_secret_and_rotates_to_the_next()
    {
        await using var server = await StartAsync();
        var (sid, other) = (await server.CreateServiceAsync(), await server.CreateServiceAsync());
        var get = new GetWebhookSigningSecretsRequest { ServiceSid = sid };
        var rotate = new RotateWebhookSigningSecretRequest { ServiceSid = sid };

        var before = await server.Configuration.GetWebhookSigningSecretsAsync(get);
        var rotated = await server.Configuration.RotateWebhookSigningSecretAsync(rotate);
        var after = await server.Configuration.GetWebhookSigningSecretsAsync(get);

        Assert.Equal((1, 2, false), (before.Current.Generation, before.Next.Generation, before.SignedByAuthToken));
        Assert.NotEqual(before.Current.Secret, before.Next.Secret);
        Assert.Equal(before.Next, rotated.Current);
        Assert.Equal((rotated.Current, rotated.Next), (after.Current, after.Next));
        Assert.Equal(3, after.Next.Generation);
        var others = await server.Configuration.GetWebhookSigningSecretsAsync(new GetWebhookSigningSecretsRequest { ServiceSid = other });
        Assert.NotEqual(before.Current.Secret, others.Current.Secret);
    }

    [Fact]
    public async Task Changed_settings_keep_the_rotated_secret()
    {
        await using var server = await StartAsync();
        var sid = await server.CreateServiceAsync();
        await server.Configuration.RotateWebhookSigningSecretAsync(new RotateWebhookSigningSecretRequest { ServiceSid = sid });
        var given = new WebhookConfiguration { ServiceSid = sid, PostWebhookUrl = "https://post.example" };

        await UpdateAsync(server, given, "post_webhook_url");

        var secrets = await server.Configuration.GetWebhookSigningSecretsAsync(new GetWebhookSigningSecretsRequest { ServiceSid = sid });
        Assert.Equal(2, secrets.Current.Generation);
        Assert.Equal("https://post.example", (await GetAsync(server, sid)).PostWebhookUrl);
    }

    [Fact]
    public async Task The_error_lists_every_violation_of_webhook_settings()
    {
        await using var server = await StartAsync();
        var given = new WebhookConfiguration
        {
            ServiceSid = await server.CreateServiceAsync(),
            PreWebhookUrl = "ftp://pre.example",
            PostWebhookUrl = "https://post.example/" + new string('a', 2048),
            Filters = { "onUserAdded", "userAdded", "" },
            Method = (WebhookMethod)7,
        };

        var error = await CallError.Of(() =>
            UpdateAsync(server, given, "service_sid", "nonsense", "pre_webhook_url", "post_webhook_url", "filters", "method"));

        Assert.Equal(StatusCode.InvalidArgument, error.Code);
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["update_mask.paths[0]"] = "UPDATE_MASK_READ_ONLY_PATH",
                ["update_mask.paths[1]"] = "UPDATE_MASK_UNKNOWN_PATH",
                ["webhook_configuration.pre_webhook_url"] = "FIELD_INVALID",
                ["webhook_configuration.post_webhook_url"] = "FIELD_TOO_LONG",
                ["webhook_configuration.filters[1]"] = "FIELD_INVALID",
                ["webhook_configuration.filters[2]"] = "FIELD_INVALID",
                ["webhook_configuration.method"] = "FIELD_INVALID",
            },
            error.Metadata);
    }

    [Fact]
    public async Task Fields_outside_the_mask_are_not_validated()
    {
        await using var server = await StartAsync();
        var sid = await server.CreateServiceAsync();
        var given = new WebhookConfiguration
        {
            ServiceSid = sid,
            PreWebhookUrl = "nonsense",
            Filters = { "nonsense" },
            Method = WebhookMethod.Get
        };

        Assert.Equal(
            new WebhookConfiguration { ServiceSid = sid, Method = WebhookMethod.Get },
            await UpdateAsync(server, given, "method"));
    }

    [Fact]
    public async Task The_51st_filter_is_rejected_and_a_repeated_filter_does_not_count()
    {
        await using var server = await StartAsync();
        var sid = await server.CreateServiceAsync();
        var names = Enumerable.Range(0, 51).Select(n => $"onEvent{(char)('A' + (n % 26))}{(char)('a' + (n / 26))}").ToList();
        var most = new WebhookConfiguration { ServiceSid = sid, Filters = { names[..50], names[..50] } };

        Assert.Equal(names[..50], (await UpdateAsync(server, most, "filters")).Filters);
        most.Filters.Add(names[50]);
        var error = await CallError.Of(() => UpdateAsync(server, most, "filters"));
        Assert.Equal(("FIELD_TOO_LONG", "webhook_configuration.filters"), (error.Reason, Assert.Single(error.Fields)));
    }

    [Fact]
    public async Task A_request_without_settings_or_mask_is_rejected()
    {
        await using var server = await StartAsync();

        var error = await CallError.Of(server.Configuration.UpdateWebhookConfigurationAsync(new()));

        Assert.Equal(["update_mask", "webhook_configuration"], error.Fields);
    }

    [Fact]
    public async Task Webhook_settings_of_an_unknown_service_instance_are_not_found()
    {
        await using var server = await StartAsync();
        var unknown = "IS" + new string('f', 32);
        CallError[] errors =
        [
            await CallError.Of(() => GetAsync(server, unknown)),
            await CallError.Of(() => UpdateAsync(server, new WebhookConfiguration { ServiceSid = unknown }, "method")),
        ];

        Assert.All(errors, error => Assert.Equal((StatusCode.NotFound, "SERVICE_INSTANCE_NOT_FOUND"), (error.Code, error.Reason)));
    }

    private static async Task<WebhookConfiguration> GetAsync(TestServer server, string sid) =>
        (await server.Configuration.GetWebhookConfigurationAsync(new() { ServiceSid = sid })).WebhookConfiguration;

    private static async Task<WebhookConfiguration> UpdateAsync(TestServer server, WebhookConfiguration configuration,
        params string[] paths)
    {
        var request = new UpdateWebhookConfigurationRequest
        {
            WebhookConfiguration = configuration,
            UpdateMask = new FieldMask { Paths = { paths } }
        };
        return (await server.Configuration.UpdateWebhookConfigurationAsync(request)).WebhookConfiguration;
    }
}
