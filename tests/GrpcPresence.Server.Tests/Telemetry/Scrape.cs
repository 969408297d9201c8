using System.Net;
using System.Net.Http.Headers;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Exporter;

namespace GrpcPresence.Server.Tests.Telemetry;

/// <summary>Reads the metrics as Prometheus does.</summary>
internal static class Scrape
{
    public static readonly Uri Url = new("/metrics", UriKind.Relative);

    /// <summary>Starts a server that collects metrics again on each scrape, however quickly scrapes follow one another.</summary>
    public static Task<TestServer> StartAsync(MetricsMode mode) => TestServer.StartAsync(
        settings: new ServerSettings { Metrics = mode },
        services: services => services.Configure<PrometheusAspNetCoreOptions>(
            prometheus => prometheus.ScrapeResponseCacheDurationMilliseconds = 0));

    /// <summary>Returns the text of the metrics.</summary>
    public static Task<string> ReadAsync(TestServer server) => server.Rest.GetStringAsync(Url, TestRun.Token);

    /// <summary>Returns the reply to a caller with these credentials.</summary>
    public static async Task<HttpStatusCode> StatusAsync(TestServer server, string authorization)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Url);
        request.Headers.Authorization = AuthenticationHeaderValue.Parse(authorization);
        using var response = await server.Rest.SendAsync(request, TestRun.Token);
        return response.StatusCode;
    }
}
