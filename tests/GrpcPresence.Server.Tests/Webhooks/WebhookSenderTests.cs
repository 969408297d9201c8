using System.Net;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Webhooks;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Webhooks;
using GrpcPresence.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace GrpcPresence.Server.Tests.Webhooks;

public sealed class WebhookSenderTests
{
    [Theory]
    [InlineData(200, WebhookOutcome.Taken)]
    [InlineData(204, WebhookOutcome.Taken)]
    [InlineData(299, WebhookOutcome.Taken)]
    [InlineData(400, WebhookOutcome.Refused)]
    [InlineData(401, WebhookOutcome.Refused)]
    [InlineData(404, WebhookOutcome.Refused)]
    [InlineData(410, WebhookOutcome.Refused)]
    [InlineData(408, WebhookOutcome.Failed)]
    [InlineData(425, WebhookOutcome.Failed)]
    [InlineData(429, WebhookOutcome.Failed)]
    [InlineData(301, WebhookOutcome.Failed)]
    [InlineData(307, WebhookOutcome.Failed)]
    [InlineData(500, WebhookOutcome.Failed)]
    [InlineData(503, WebhookOutcome.Failed)]
    public async Task The_status_decides_the_outcome_of_an_event(int status, WebhookOutcome outcome)
    {
        using var network = new StubHandler((HttpStatusCode)status);

        Assert.Equal(outcome, await SendAsync(network));
    }

    [Fact]
    public async Task A_missing_response_is_a_failure()
    {
        using var network = new StubHandler(_ => throw new HttpRequestException("Connection refused."));

        Assert.Equal(WebhookOutcome.Failed, await SendAsync(network));
    }

    [Fact]
    public async Task An_event_is_not_sent_unsigned_while_the_secret_file_cannot_be_read()
    {
        using var directory = new TemporaryDirectory();
        var settings = new ServerSettings { SecretFile = directory.File("presence.secret") };
        await File.WriteAllTextAsync(settings.SecretFile, "not hexadecimal", TestRun.Token);
        using var network = new StubHandler(HttpStatusCode.OK);

        var outcome = await SendAsync(network, settings);

        Assert.Equal((WebhookOutcome.Failed, 0), (outcome, network.Requests));
    }

    private static async Task<WebhookOutcome> SendAsync(StubHandler network, ServerSettings? settings = null)
    {
        settings ??= new ServerSettings { AuthToken = "token" };
        using var client = new WebhookClient(network, TimeProvider.System);
        var delivery = new WebhookDelivery(
            "https://example.com/", WebhookMethod.Post, WebhookEvents.UserAdded, SampleUsers.State(), UpdateReasons.Created);
        var secrets = new WebhookSecrets(new SecretFile(settings), settings);
        using var metrics = new PresenceMetrics();
        var log = new WebhookLog(metrics, TimeProvider.System, NullLogger<WebhookLog>.Instance);
        return await new WebhookSender(client, secrets, log, settings).SendAsync(delivery, default);
    }
}
