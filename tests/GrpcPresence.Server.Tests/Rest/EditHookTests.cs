using System.Net;
using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Webhooks;
using GrpcPresence.Server.Webhooks;
using GrpcPresence.Testing;
using GrpcPresence.V1;
using Microsoft.AspNetCore.Http;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Rest;

/// <summary>Tests edits over REST together with the webhooks of their service instance.</summary>
public sealed class EditHookTests : IAsyncLifetime
{
    private static readonly (string, string) Header = ("X-Twilio-Webhook-Enabled", "true");

    private WebhookReceiver _backEnd = null!;
    private RestServer _rest = null!;
    private string _service = "";
    private string _ada = "";

    public async ValueTask InitializeAsync()
    {
        _backEnd = await WebhookReceiver.StartAsync();
        _rest = await RestServer.StartAsync(new ServerSettings { AllowPrivateWebhooks = true });
        _service = await _rest.CreateServiceAsync();
        _ada = _service + "/Users/ada";
        await _rest.PostAsync(_service + "/Users", ("Identity", "ada"), ("FriendlyName", "Ada"));
    }

    public async ValueTask DisposeAsync()
    {
        await _rest.DisposeAsync();
        await _backEnd.DisposeAsync();
    }

    [Fact]
    public async Task A_back_end_that_is_asked_may_reject_an_edit()
    {
        await AskAsync();
        _backEnd.Answer = _ => StatusCodes.Status403Forbidden;

        var refused = (await EditAsync("Countess")).Fails(HttpStatusCode.Forbidden, 20403);

        Assert.Equal("WEBHOOK_REFUSED", refused.Text("details", "reason"));
        var asked = await _backEnd.NextAsync();
        Assert.Equal(
            ("onUserUpdate", "ada", "Countess"),
            (asked.Parameters["EventType"], asked.Parameters["Identity"], asked.Parameters["FriendlyName"]));
        Assert.Equal("Ada", (await _rest.GetAsync(_ada)).Text("friendly_name"));
    }

    [Fact]
    public async Task An_edit_that_the_back_end_allows_is_made()
    {
        await AskAsync();

        Assert.Equal("Countess", (await EditAsync("Countess")).Text("friendly_name"));

        Assert.Equal("onUserUpdate", (await _backEnd.NextAsync()).Parameters["EventType"]);
    }

    [Theory]
    [InlineData(1, false, HttpStatusCode.TooManyRequests, 20429, "QUOTA_EXCEEDED")]
    [InlineData(50, true, HttpStatusCode.ServiceUnavailable, 20503, "WEBHOOK_CAPACITY_EXCEEDED")]
    public async Task An_edit_that_cannot_wait_for_the_back_end_is_rejected_and_changes_nothing(
        int quota, bool isExhausted, HttpStatusCode status, int code, string reason)
    {
        var quotas = new QuotaSettings();
        quotas = quotas with { ServiceInstance = quotas.ServiceInstance with { PendingPreWebhooks = quota } };
        await using var rest = await RestServer.StartAsync(new ServerSettings { AllowPrivateWebhooks = true, Quotas = quotas });
        await using var hanging = new HostileReceiver((_, _) => Task.CompletedTask);
        var service = await rest.CreateServiceAsync();
        await rest.PostAsync(service + "/Users", ("Identity", "ada"), ("FriendlyName", "Ada"));
        await rest.PostAsync(service + "/Configuration/Webhooks", ("PreWebhookUrl", hanging.Url), ("Filters", "onUserUpdate"));
        _ = rest.SendAsync(HttpMethod.Post, service + "/Users/ada", Name("Waiting"), null, Header);
        await hanging.BeganAsync();
        if (isExhausted)
            Exhaust(rest.Server.Get<WebhookLimits>().Pending);

        var refused = await rest.SendAsync(HttpMethod.Post, service + "/Users/ada", Name("Countess"), null, Header);

        Assert.Equal(reason, refused.Fails(status, code).Text("details", "reason"));
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Equal("Ada", (await rest.GetAsync(service + "/Users/ada")).Text("friendly_name"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("not hexadecimal")]
    [InlineData("00ff")]
    [InlineData(null)]
    public async Task Never_unasked_an_edit_is_rejected_while_the_secret_that_signs_cannot_be_read(string? secretFile)
    {
        using var directory = new TemporaryDirectory();
        var path = directory.File("presence.secret");
        await using var rest = await RestServer.StartAsync(new ServerSettings { AllowPrivateWebhooks = true, SecretFile = path });
        var service = await rest.CreateServiceAsync();
        await rest.PostAsync(service + "/Users", ("Identity", "ada"), ("FriendlyName", "Ada"));
        await rest.PostAsync(service + "/Configuration/Webhooks", ("PreWebhookUrl", _backEnd.Url), ("Filters", "onUserUpdate"));
        if (secretFile is null)
            Directory.CreateDirectory(path);
        else
            await File.WriteAllTextAsync(path, secretFile, TestRun.Token);

        for (var i = 0; i < 3; i++)
        {
            var refused = await rest.SendAsync(HttpMethod.Post, service + "/Users/ada", Name("Countess"), null, Header);

            var error = refused.Fails(HttpStatusCode.ServiceUnavailable, 20503);
            Assert.Equal("STORAGE_UNAVAILABLE", error.Text("details", "reason"));
            Assert.DoesNotContain(path, error.Text("message"), StringComparison.Ordinal);
        }

        Assert.Equal("Ada", (await rest.GetAsync(service + "/Users/ada")).Text("friendly_name"));
        Assert.Equal(0, _backEnd.Unread);
        Assert.Single(rest.Server.Log.Problems, entry => entry.Text.Contains(path, StringComparison.Ordinal));
        var undecided = Assert.Single(rest.Server.Log.Problems, entry => entry.Category == typeof(WebhookLog).FullName).Text;
        Assert.Contains("the secret file cannot be used. The edit is rejected.", undecided, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_stops_waits_for_no_back_end()
    {
        await AskAsync();
        var asked = new Barrier("the back end is asked");
        using var release = new ManualResetEventSlim();
        _backEnd.Answer = _ =>
        {
            asked.Reach();
            release.Wait(TestRun.Token);
            return StatusCodes.Status200OK;
        };
        var editing = EditAsync("Countess");
        await asked.Wait();

        var stopping = _rest.Server.StopAsync();
        await Barrier.Within(editing, "the edit is refused");
        release.Set();
        await stopping;

        Assert.Equal("SERVER_STOPPING", (await editing).Fails(HttpStatusCode.ServiceUnavailable, 20503).Text("details", "reason"));
    }

    [Fact]
    public async Task No_back_end_is_asked_about_an_edit_without_the_header_or_by_a_caller_that_may_not_make_it()
    {
        await using var guarded = await GuardedServer.StartAsync(settings => settings with { AllowPrivateWebhooks = true });
        var rest = RestServer.Of(guarded.Server);
        var users = $"/v1/Services/{guarded.Own}/Users";
        await rest.PostAsync(users, guarded.Admin, ("Identity", "ada"));
        await rest.PostAsync(
            $"/v1/Services/{guarded.Own}/Configuration/Webhooks",
            guarded.Admin,
            ("PreWebhookUrl", _backEnd.Url),
            ("Filters", "onUserUpdate"));
        var reader = GuardedServer.Basic(await guarded.NewKeyAsync(ApiKeyRole.Read, guarded.Own));
        _backEnd.Answer = _ => StatusCodes.Status403Forbidden;

        Assert.Equal(HttpStatusCode.OK, (await rest.PostAsync(users + "/ada", guarded.Admin, ("FriendlyName", "Countess"))).Status);
        (await rest.SendAsync(HttpMethod.Post, users + "/ada", Name("x"), reader, Header)).Fails(HttpStatusCode.Forbidden, 20403);
        (await rest.SendAsync(HttpMethod.Post, users + "/nobody", Name("x"), guarded.Admin, Header)).Fails(HttpStatusCode.NotFound, 20404);

        Assert.Equal(0, _backEnd.Unread);
    }

    [Fact]
    public async Task An_edit_over_gRPC_does_not_ask_the_back_end()
    {
        await using var guarded = await GuardedServer.StartAsync(settings => settings with { AllowPrivateWebhooks = true });
        var rest = RestServer.Of(guarded.Server);
        await rest.PostAsync($"/v1/Services/{guarded.Own}/Users", guarded.Admin, ("Identity", "ada"));
        await rest.PostAsync(
            $"/v1/Services/{guarded.Own}/Configuration/Webhooks",
            guarded.Admin,
            ("PreWebhookUrl", _backEnd.Url),
            ("Filters", "onUserUpdate"));
        _backEnd.Answer = _ => StatusCodes.Status403Forbidden;

        await new UserService.UserServiceClient(guarded.As(guarded.Admin)).UpdateUserAsync(new UpdateUserRequest
        {
            User = new User { ServiceSid = guarded.Own, Identity = "ada", FriendlyName = "Countess" },
            UpdateMask = FieldMask.FromString("friendly_name"),
        });

        Assert.Equal(0, _backEnd.Unread);
    }

    [Fact]
    public async Task An_end_user_cannot_keep_an_edit_from_the_back_end()
    {
        await using var guarded = await GuardedServer.StartAsync(settings => settings with { AllowPrivateWebhooks = true });
        var rest = RestServer.Of(guarded.Server);
        var users = $"/v1/Services/{guarded.Own}/Users";
        await rest.PostAsync(users, guarded.Admin, ("Identity", "ada"));
        await rest.PostAsync(
            $"/v1/Services/{guarded.Own}/Configuration/Webhooks",
            guarded.Admin,
            ("PreWebhookUrl", _backEnd.Url),
            ("Filters", "onUserUpdate"));
        var issuer = await guarded.NewKeyAsync(ApiKeyRole.Service, guarded.Own);
        _backEnd.Answer = _ => StatusCodes.Status403Forbidden;

        (await rest.PostAsync(users + "/ada", guarded.Bearer(issuer, "ada"), ("FriendlyName", "Countess")))
            .Fails(HttpStatusCode.Forbidden, 20403);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Keys_An_edit_whose_key_is_revoked_while_the_back_end_decides_is_not_made(bool byEndUser)
    {
        await using var guarded = await GuardedServer.StartAsync(settings => settings with { AllowPrivateWebhooks = true });
        var rest = RestServer.Of(guarded.Server);
        var ada = $"/v1/Services/{guarded.Own}/Users/ada";
        await rest.PostAsync($"/v1/Services/{guarded.Own}/Users", guarded.Admin, ("Identity", "ada"), ("FriendlyName", "Ada"));
        await rest.PostAsync(
            $"/v1/Services/{guarded.Own}/Configuration/Webhooks",
            guarded.Admin,
            ("PreWebhookUrl", _backEnd.Url),
            ("Filters", "onUserUpdate"));
        var key = await guarded.NewKeyAsync(ApiKeyRole.Service, guarded.Own);
        _backEnd.Answer = _ =>
        {
            guarded.Keys.RevokeApiKey(new RevokeApiKeyRequest { ApiKeySid = key.ApiKey.Sid });
            return StatusCodes.Status200OK;
        };

        var caller = byEndUser ? guarded.Bearer(key, "ada") : GuardedServer.Basic(key);
        var refused = await rest.SendAsync(HttpMethod.Post, ada, Name("Countess"), caller, Header);

        Assert.Equal("API_KEY_REVOKED", refused.Fails(HttpStatusCode.Unauthorized, 20003).Text("details", "reason"));
        Assert.Equal("Ada", (await rest.GetAsync(ada, guarded.Admin)).Text("friendly_name"));
    }

    [Fact]
    public async Task Webhooks_receive_only_the_edits_that_ask_for_it()
    {
        await _rest.PostAsync(
            _service + "/Configuration/Webhooks",
            ("PostWebhookUrl", _backEnd.Url),
            ("Filters", "onUserUpdated"),
            ("Filters", "onUserAdded"));

        await _rest.PostAsync(_ada, ("FriendlyName", "Quiet"));
        var form = new FormUrlEncodedContent([KeyValuePair.Create("Identity", "grace")]);
        await _rest.SendAsync(HttpMethod.Post, _service + "/Users", form, null, Header);

        // Webhooks are sent in the order of revisions, so that the first one would be an unexpected one if there were any.
        var received = await _backEnd.NextAsync();
        Assert.Equal(("onUserAdded", "grace"), (received.Parameters["EventType"], received.Parameters["Identity"]));
    }

    /// <summary>Acquires what is left, as many other service instances would.</summary>
    private static void Exhaust(WebhookLimit limit)
    {
        for (var service = 1; limit.Level < limit.Total; service++)
            Assert.True(limit.TryAcquire(new WebhookUse(new ServiceSid((UInt128)service))));
    }

    private Task<RestReply> AskAsync() =>
        _rest.PostAsync(_service + "/Configuration/Webhooks", ("PreWebhookUrl", _backEnd.Url), ("Filters", "onUserUpdate"));

    private Task<RestReply> EditAsync(string name) => _rest.SendAsync(HttpMethod.Post, _ada, Name(name), null, Header);

    private static FormUrlEncodedContent Name(string name) => new([KeyValuePair.Create("FriendlyName", name)]);
}
