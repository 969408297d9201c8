using System.Net;
using System.Net.Sockets;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Rest;
using Microsoft.Extensions.Configuration;

namespace GrpcPresence.Server.Tests.Telemetry;

/// <summary>The export over OTLP.</summary>
public sealed class OtlpTests
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string Headers = "OTEL_EXPORTER_OTLP_HEADERS";
    private const string Protocol = "OTEL_EXPORTER_OTLP_PROTOCOL";

    // The host allows five seconds for the stop. The rest allows for a machine that runs other tests at the same time.
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(8);

    [Theory]
    [InlineData(Endpoint, "localhost:4317")]
    [InlineData(Endpoint, "collector")]
    [InlineData(Endpoint, "//collector:4317")]
    [InlineData(Endpoint, "unix:///run/collector.sock")]
    [InlineData(Headers, "garbage")]
    [InlineData(Headers, "a=b,garbage")]
    [InlineData(Headers, "a=b,a=c")]
    [InlineData(Headers, "a b=c")]
    [InlineData(Headers, "=b")]
    [InlineData(Headers, "content-type=text/plain")]
    [InlineData(Protocol, "http/json")]
    [InlineData("OTEL_EXPORTER_OTLP_TIMEOUT", "10s")]
    [InlineData("OTEL_EXPORTER_OTLP_TIMEOUT", "0")]
    [InlineData("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd")]
    [InlineData("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "localhost:4317")]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector")]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "garbage")]
    [InlineData("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json")]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "-1")]
    [InlineData("OTEL_METRIC_EXPORT_INTERVAL", "soon")]
    [InlineData("OTEL_METRIC_EXPORT_TIMEOUT", "1.5")]
    [InlineData("OTEL_BSP_SCHEDULE_DELAY", "0")]
    [InlineData("OTEL_BSP_MAX_QUEUE_SIZE", "many")]
    [InlineData("OTEL_TRACES_SAMPLER", "bogus")]
    [InlineData("OTEL_TRACES_SAMPLER_ARG", "2")]
    [InlineData("OTEL_SDK_DISABLED", "maybe")]
    [InlineData("OTEL_EXPORTER_OTLP_PROTOCOL", "gr\npc")]
    [InlineData("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nonexistent/ca.pem", "OTEL_")]
    public async Task An_unusable_variable_is_rejected_by_name_in_one_line(string name, string value, string? named = null)
    {
        var variables = new Dictionary<string, string?> { [Endpoint] = "http://localhost:4317", [name] = value };

        var exception = await Assert.ThrowsAsync<SettingsException>(() => TestServer.StartAsync(variables: variables));

        Assert.Contains(named ?? name, exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
    }

    [Fact]
    public void Headers_that_cannot_be_used_are_not_shown()
    {
        var exception = Assert.Throws<SettingsException>(
            () => Read(new() { [Endpoint] = "http://localhost:4317", [Headers] = "api-key: secret" }));

        Assert.DoesNotContain("secret", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Headers, "")]
    [InlineData(Headers, "api-key=a%20b,other=c=d,")]
    [InlineData(Protocol, "grpc")]
    [InlineData(Protocol, "http/protobuf")]
    [InlineData("OTEL_EXPORTER_OTLP_TIMEOUT", "500")]
    [InlineData("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")]
    public void What_the_exporter_takes_is_taken(string name, string value) =>
        Assert.Equal("collector", Read(new() { [Endpoint] = "https://collector:4317", [name] = value })?.Host);

    [Fact]
    public void Where_nothing_is_exported_the_other_variables_are_not_read()
    {
        Assert.Null(Read(new() { [Endpoint] = "http://localhost:4317", [Headers] = "garbage", ["OTEL_SDK_DISABLED"] = "true" }));
        Assert.Null(Read(new() { [Headers] = "garbage" }));
        Assert.Null(Read(new() { [Endpoint] = "", [Headers] = "garbage" }));
    }

    [Fact]
    public async Task The_collector_gets_metrics_and_traces_of_the_service_that_the_variables_name()
    {
        await using var collector = await Collector.StartAsync();
        (string, string)[] variables =
            [("OTEL_SERVICE_NAME", "presence-of-a-test"), ("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=node-7,zone=b")];
        await using (var server = await StartAsync(collector.Url, variables))
        {
            await server.CreateServiceAsync();
            Assert.Contains(server.Log.Entries, entry => entry.Text.Contains(collector.Url, StringComparison.Ordinal));
        }

        foreach (var signal in new[] { collector.TextOf("/v1/metrics"), collector.TextOf("/v1/traces") })
        {
            foreach (var text in new[] { "service.name", "presence-of-a-test", "node-7", "zone", "service.version" })
                Assert.Contains(text, signal, StringComparison.Ordinal);
        }
        Assert.Contains("presence.commit.duration", collector.TextOf("/v1/metrics"), StringComparison.Ordinal);
        Assert.Contains("http.server.request.duration", collector.TextOf("/v1/metrics"), StringComparison.Ordinal);
        const string Route = "/presence.v1.ConfigurationService/CreateServiceInstance";
        Assert.Contains(Route, collector.TextOf("/v1/traces"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_service_has_a_name_and_an_instance_of_its_own_where_the_variables_name_none()
    {
        await using var server = await TestServer.StartAsync();

        var text = await Scrape.ReadAsync(server);

        Assert.Contains("service_name=\"grpc-presence\",service_version=\"0.", text, StringComparison.Ordinal);
        Assert.Contains("service_instance_id=\"", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_variables_name_the_service_in_the_metrics_too()
    {
        await using var server = await TestServer.StartAsync(variables: new()
        {
            ["OTEL_SERVICE_NAME"] = "a",
            ["OTEL_RESOURCE_ATTRIBUTES"] = "service.name=b,service.version=9,service.instance.id=node-7",
        });

        var text = await Scrape.ReadAsync(server);

        const string Target = "target_info{service_name=\"a\",service_version=\"9\",service_instance_id=\"node-7\"";
        Assert.Contains(Target, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Traces_have_the_route_and_neither_the_identity_in_its_path_nor_the_query()
    {
        await using var collector = await Collector.StartAsync();
        await using (var server = await StartAsync(collector.Url))
        {
            var sid = await server.CreateServiceAsync();
            await RestServer.Of(server).GetAsync($"/v1/Services/{sid}/Users/ada-of-the-traces?Word=word-of-the-traces");
            await RestServer.Of(server).GetAsync("/v1/ada-of-the-traces");
        }

        var traces = collector.TextOf("/v1/traces");
        Assert.Contains("/v1/Services/{ChatServiceSid}/Users/{Sid}", traces, StringComparison.Ordinal);
        Assert.DoesNotContain("of-the-traces", traces, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("grpc")]
    [InlineData("http/protobuf")]
    public async Task A_collector_that_does_not_answer_holds_the_stop_no_longer_than_the_stop_may_take(string protocol)
    {
        using var collector = new TcpListener(IPAddress.Loopback, 0);
        collector.Start();
        var server = await StartAsync($"http://{collector.LocalEndpoint}", (Protocol, protocol));
        await server.CreateServiceAsync();

        var began = TimeProvider.System.GetTimestamp();
        await server.DisposeAsync();

        Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.Zero, StopLimit);
        Assert.True(collector.Pending(), "The server called the collector.");
        Assert.Empty(server.Log.Problems);
    }

    private static Uri? Read(Dictionary<string, string?> variables) =>
        OtlpVariables.ReadEndpoint(new ConfigurationBuilder().AddInMemoryCollection(variables).Build());

    private static Task<TestServer> StartAsync(string endpoint, params (string Name, string Value)[] more)
    {
        var variables = new Dictionary<string, string?> { [Endpoint] = endpoint, [Protocol] = "http/protobuf" };
        foreach (var (name, value) in more)
            variables[name] = value;
        return TestServer.StartAsync(variables: variables);
    }
}
