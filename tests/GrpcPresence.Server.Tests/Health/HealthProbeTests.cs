using System.Net;
using GrpcPresence.Server.Health;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;

namespace GrpcPresence.Server.Tests.Health;

/// <summary>Tests HTTP probes on the port of their own.</summary>
public sealed class HealthProbeTests
{
    [Fact]
    public async Task Probe_It_answers_200_without_credentials_and_503_once_the_server_drains()
    {
        await using var guarded = await GuardedServer.StartAsync(settings => settings with { ProbePort = 0 });
        using var client = new HttpClient { BaseAddress = guarded.Server.RestAddress };

        using var serving = await client.GetAsync(new Uri("/", UriKind.Relative), TestRun.Token);
        guarded.Server.Get<HealthStatuses>().Drain();
        using var draining = await client.GetAsync(new Uri("/healthz", UriKind.Relative), TestRun.Token);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable), (serving.StatusCode, draining.StatusCode));
    }

    [Theory]
    [InlineData("/v1/Services")]
    [InlineData("/metrics")]
    [InlineData("/presence.v1.ConfigurationService/ListServiceInstances")]
    public async Task Probe_The_port_serves_nothing_else(string path)
    {
        await using var server = await TestServer.StartAsync(settings: new ServerSettings { ProbePort = 0 });
        using var client = new HttpClient { BaseAddress = server.RestAddress };

        using var response = await client.GetAsync(new Uri(path, UriKind.Relative), TestRun.Token);

        Assert.Equal("", await response.Content.ReadAsStringAsync(TestRun.Token));
    }
}
