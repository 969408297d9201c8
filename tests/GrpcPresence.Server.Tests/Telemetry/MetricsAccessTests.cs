using System.Net;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Rest;
using GrpcPresence.Server.Tests.Tls;
using GrpcPresence.V1;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace GrpcPresence.Server.Tests.Telemetry;

/// <summary>Tests which callers may read the metrics, and on which listeners.</summary>
public sealed class MetricsAccessTests
{
    private const string Token = "0123456789abcdef0123456789abcdef";
    private const string Account = "AC0123456789abcdef0123456789abcdef";

    [Fact]
    public async Task Without_credentials_configured_the_metrics_are_open_on_loopback()
    {
        await using var server = await TestServer.StartAsync();

        using var response = await server.Rest.GetAsync(Scrape.Url, TestRun.Token);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/plain", response.Content.Headers.ContentType?.MediaType);
        Assert.Contains("\npresence_sessions{} 0\n", await response.Content.ReadAsStringAsync(TestRun.Token), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ApiKeyRole.Read)]
    [InlineData(ApiKeyRole.Service)]
    [InlineData(ApiKeyRole.Admin)]
    public async Task A_key_of_the_whole_deployment_reads_the_metrics_and_a_key_of_one_service_instance_does_not(ApiKeyRole role)
    {
        await using var guarded = await GuardedServer.StartAsync();
        var whole = GuardedServer.Basic(await guarded.NewKeyAsync(role));
        var scoped = GuardedServer.Basic(await guarded.NewKeyAsync(role, guarded.Own));

        Assert.Equal(HttpStatusCode.OK, await Scrape.StatusAsync(guarded.Server, whole));
        (await RestServer.Of(guarded.Server).GetAsync("/metrics", scoped)).Fails(HttpStatusCode.Forbidden, 20403);
    }

    [Fact]
    public async Task With_credentials_configured_the_metrics_need_valid_ones()
    {
        await using var guarded = await GuardedServer.StartAsync();
        var rest = RestServer.Of(guarded.Server);
        var key = await guarded.NewKeyAsync(ApiKeyRole.Read);

        var rejected = (await rest.GetAsync("/metrics")).Fails(HttpStatusCode.Unauthorized, 20003);
        Assert.Equal("Basic", Assert.Single(rejected.Headers.WwwAuthenticate).Scheme);
        Assert.Equal("CREDENTIALS_REQUIRED", rejected.Text("details", "reason"));
        (await rest.GetAsync("/metrics", GuardedServer.Basic(key.ApiKey.Sid, "wrong"))).Fails(HttpStatusCode.Unauthorized, 20003);
        await guarded.Keys.RevokeApiKeyAsync(new RevokeApiKeyRequest { ApiKeySid = key.ApiKey.Sid });
        (await rest.GetAsync("/metrics", GuardedServer.Basic(key))).Fails(HttpStatusCode.Unauthorized, 20003);
    }

    [Fact]
    public async Task An_access_token_does_not_read_the_metrics()
    {
        await using var guarded = await GuardedServer.StartAsync();
        var issuer = await guarded.NewKeyAsync(ApiKeyRole.Service, guarded.Own);

        (await RestServer.Of(guarded.Server).GetAsync("/metrics", guarded.Bearer(issuer, "ada"))).Fails(HttpStatusCode.Forbidden, 20403);
    }

    [Fact]
    public async Task The_account_reads_the_metrics()
    {
        await using var rest = await RestServer.StartAsync(new ServerSettings { AccountSid = Account, AuthToken = Token });

        Assert.Equal(HttpStatusCode.OK, await Scrape.StatusAsync(rest.Server, GuardedServer.Basic(Account, Token)));
        (await rest.GetAsync("/metrics")).Fails(HttpStatusCode.Unauthorized, 20003);
    }

    [Fact]
    public async Task AllowAnonymous_does_not_open_the_metrics_where_credentials_are_configured()
    {
        await using var guarded = await GuardedServer.StartAsync(settings => settings with { AllowAnonymous = true });
        var rest = RestServer.Of(guarded.Server);

        Assert.Equal(HttpStatusCode.OK, (await rest.GetAsync("/v1/Services")).Status);
        (await rest.GetAsync("/metrics")).Fails(HttpStatusCode.Unauthorized, 20003);
        Assert.Equal(HttpStatusCode.OK, await Scrape.StatusAsync(guarded.Server, guarded.Admin));
    }

    [Fact]
    public async Task AllowAnonymous_does_not_open_the_metrics_to_a_network()
    {
        // The test listens on loopback. The settings of the services say that it is a network.
        var network = new ServerSettings { Address = new ListenAddress(IPAddress.Any), AllowAnonymous = true };
        await using var server = await TestServer.StartAsync(
            settings: network with { Address = ListenAddress.Loopback }, services: services => services.AddSingleton(network));
        var rest = RestServer.Of(server);

        Assert.Equal(HttpStatusCode.OK, (await rest.GetAsync("/v1/Services")).Status);
        (await rest.GetAsync("/metrics")).Fails(HttpStatusCode.Unauthorized, 20003);
    }

    [Fact]
    public async Task Switched_off_the_path_is_not_found_and_nothing_listens()
    {
        await using var rest = await RestServer.StartAsync(new ServerSettings { Metrics = MetricsMode.Off });

        (await rest.GetAsync("/metrics")).Fails(HttpStatusCode.NotFound, 20404);
        Assert.Null(rest.Server.Find<MeterProvider>());
    }

    [Fact]
    public async Task Without_an_OTLP_endpoint_nothing_listens_for_traces()
    {
        await using var server = await TestServer.StartAsync(settings: new ServerSettings { Metrics = MetricsMode.All });

        Assert.NotNull(server.Find<MeterProvider>());
        Assert.Null(server.Find<TracerProvider>());
    }

    [Fact]
    public async Task HEAD_has_no_body_and_other_methods_are_rejected()
    {
        await using var rest = await RestServer.StartAsync();

        var head = await rest.SendAsync(HttpMethod.Head, "/metrics", content: null);
        Assert.Equal((HttpStatusCode.OK, default), (head.Status, head.Body.ValueKind));
        var rejected = (await rest.PostAsync("/metrics", ("a", "b"))).Fails(HttpStatusCode.MethodNotAllowed, 20004);
        Assert.Contains("GET", rejected.Text("message"), StringComparison.Ordinal);
        (await rest.GetAsync("/metrics/more")).Fails(HttpStatusCode.NotFound, 20404);
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task With_TLS_the_one_port_serves_the_metrics(string version)
    {
        using var root = TestAuthority.NewRoot();
        using var leaf = root.IssueServer();
        using var folder = new TlsFolder();
        folder.Write(leaf);
        var client = new TlsClient(root);
        await using var server = await TestServer.StartAsync(settings: folder.Settings, handler: client.NewHandler());

        var (_, status, body) = await client.GetAsync(server, Version.Parse(version), "/metrics");

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Contains("presence_sessions", body, StringComparison.Ordinal);
    }
}
