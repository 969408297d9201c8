using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Grpc.Core;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>
/// While callers need no credentials, a page whose name was made to resolve to this machine can neither read nor change anything: its name
/// is the host of its requests.
/// </summary>
public sealed class HostTests
{
    private const string Foreign = "evil.example";

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("localhost:5081", true)]
    [InlineData("LocalHost:1", true)]
    [InlineData("localhost.", true)]
    [InlineData("presence.localhost:5081", true)]
    [InlineData("a.b.LOCALHOST", true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("127.0.0.1:65535", true)]
    [InlineData("127.8.9.10:80", true)]
    [InlineData("[::1]", true)]
    [InlineData("[::1]:5081", true)]
    [InlineData("[0:0:0:0:0:0:0:1]", true)]
    [InlineData("", false)]
    [InlineData("evil.example", false)]
    [InlineData("evil.example:5081", false)]
    [InlineData("localhost.evil.example", false)]
    [InlineData("evillocalhost", false)]
    [InlineData(".localhost", false)]
    [InlineData("evil.example#.localhost", false)]
    [InlineData("localhost@evil.example", false)]
    [InlineData("evil.example@localhost", false)]
    [InlineData("localhost:80@evil.example", false)]
    [InlineData("localhost:evil", false)]
    [InlineData("localhost:", false)]
    [InlineData("localhost:123456", false)]
    [InlineData("localhost,evil.example", false)]
    [InlineData("localhost evil.example", false)]
    [InlineData("127.0.0.1.evil.example", false)]
    [InlineData("127.evil.example", false)]
    [InlineData("127.0.0.1.", false)]
    [InlineData("127.1", false)]
    [InlineData("127.0.0.01", false)]
    [InlineData("2130706433", false)]
    [InlineData("0x7f000001", false)]
    [InlineData("0177.0.0.1", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("0", false)]
    [InlineData("128.0.0.1", false)]
    [InlineData("192.168.0.1", false)]
    [InlineData("::1", false)]
    [InlineData("[::]", false)]
    [InlineData("[::ffff:127.0.0.1]", false)]
    [InlineData("[::ffff:7f00:1]", false)]
    [InlineData("[::1%lo]", false)]
    [InlineData("[::1", false)]
    [InlineData("[::1]evil.example", false)]
    [InlineData("[::1].evil.example", false)]
    [InlineData("ｌｏｃａｌｈｏｓｔ", false)]
    [InlineData("loc\u0430lhost", false)]
    [InlineData("xn--loclhost-9ig", false)]
    [InlineData("x\u202E.localhost", false)]
    public async Task Loopback_only_names_of_this_machine_are_accepted(string host, bool isAccepted)
    {
        await using var server = await TestServer.StartAsync();

        Assert.Equal(isAccepted, server.Get<HostFilter>().AcceptsHost(host));
    }

    [Theory]
    [InlineData("presence", true)]
    [InlineData("PRESENCE.:5080", true)]
    [InlineData("xn--bcher-kva.example", true)]
    [InlineData("[fd00::7]:5080", true)]
    [InlineData("10.0.0.7", true)]
    [InlineData("localhost", true)]
    [InlineData("other", false)]
    [InlineData("presence.evil.example", false)]
    [InlineData("[fd00::8]", false)]
    public async Task The_settings_add_names(string host, bool isAccepted)
    {
        var allowed = AllowedHosts.Read("presence, bücher.example,[FD00::7],10.0.0.7");
        await using var server = await TestServer.StartAsync(settings: new ServerSettings { AllowedHosts = allowed });

        Assert.Equal(isAccepted, server.Get<HostFilter>().AcceptsHost(host));
    }

    [Theory]
    [InlineData("presence:5080")]
    [InlineData("http://presence")]
    [InlineData("a b")]
    [InlineData("presence,")]
    [InlineData("*.example")]
    public void A_name_with_a_port_or_a_pattern_is_not_a_name(string text) => Assert.Null(AllowedHosts.Read(text));

    [Theory]
    [InlineData("/v1/Services", "GET", null)]
    [InlineData("/v1/Services", "HEAD", null)]
    [InlineData("/v1/Services", "OPTIONS", null)]
    [InlineData("/v1/Services", "POST", "application/x-www-form-urlencoded")]
    [InlineData("/v1/Services", "POST", "text/plain")]
    [InlineData("/V1/services", "GET", null)]
    [InlineData("/v1/Services/IS00000000000000000000000000000001/UserUpdates", "GET", null)]
    [InlineData("/openapi/v1.json", "GET", null)]
    [InlineData("/metrics", "GET", null)]
    [InlineData("/", "GET", null)]
    [InlineData("/presence.v1.ConfigurationService/ListServiceInstances", "POST", "application/grpc-web")]
    [InlineData("/presence.v1.ConfigurationService/ListServiceInstances", "POST", "application/grpc-web-text+proto")]
    [InlineData("/grpc.health.v1.Health/Check", "POST", "application/grpc-web+proto")]
    public async Task Loopback_every_request_by_another_name_is_refused_before_it_runs(string path, string method, string? contentType)
    {
        await using var server = await TestServer.StartAsync();
        using var http = new HttpClient { BaseAddress = server.RestAddress };
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Headers.Host = Foreign;
        if (method == "OPTIONS")
        {
            request.Headers.Add("Origin", $"http://{Foreign}");
            request.Headers.Add("Access-Control-Request-Method", "POST");
        }
        if (contentType is not null)
        {
            request.Content = new ByteArrayContent("FriendlyName=x"u8.ToArray());
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        }

        using var response = await http.SendAsync(request, TestRun.Token);

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.False(response.Headers.Contains("Access-Control-Allow-Origin"));
        var text = await response.Content.ReadAsStringAsync(TestRun.Token);
        Assert.DoesNotContain(Foreign, text, StringComparison.Ordinal);
        if (contentType?.StartsWith("application/grpc", StringComparison.Ordinal) == true)
            Assert.Equal("7", Assert.Single(response.Headers.GetValues("grpc-status")));
        else if (method != "HEAD")
            Assert.Contains("HOST_NOT_ALLOWED", text, StringComparison.Ordinal);
        Assert.Empty((await server.Configuration.ListServiceInstancesAsync(new ListServiceInstancesRequest())).ServiceInstances);
    }

    [Theory]
    [InlineData("/presence.v1.ConfigurationService/ListServiceInstances")]
    [InlineData("/presence.v1.UserService/WatchUsers")]
    [InlineData("/presence.v1.UserService/StreamHeartbeats")]
    [InlineData("/grpc.health.v1.Health/Check")]
    [InlineData("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")]
    public async Task Loopback_every_gRPC_call_by_another_name_is_refused(string path)
    {
        await using var server = await TestServer.StartAsync();
        using var http = new HttpClient { BaseAddress = server.Address };
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(new byte[5]),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.Host = Foreign;

        using var response = await http.SendAsync(request, TestRun.Token);

        var status = Assert.Single(response.Headers.GetValues("grpc-status"));
        Assert.Equal((int)StatusCode.PermissionDenied, int.Parse(status, CultureInfo.InvariantCulture));
        Assert.Empty(await response.Content.ReadAsByteArrayAsync(TestRun.Token));
    }

    [Theory]
    [InlineData("GET /v1/Services HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400)]
    [InlineData("GET /v1/Services HTTP/1.1\r\nHost: localhost, evil.example\r\n\r\n", 400)]
    [InlineData("GET http://evil.example/v1/Services HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403)]
    [InlineData("GET http://evil.example/v1/Services HTTP/1.1\r\nHost: localhost\r\n\r\n", 400)]
    [InlineData("GET http://localhost/v1/Services HTTP/1.1\r\nHost: evil.example\r\n\r\n", 400)]
    [InlineData("GET /v1/Services HTTP/1.0\r\nHost: evil.example\r\n\r\n", 403)]
    [InlineData("GET /v1/Services HTTP/1.0\r\n\r\n", 403)]
    [InlineData("GET /v1/Services HTTP/1.1\r\nHost:\r\n\r\n", 403)]
    [InlineData("GET /v1/Services HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\n\r\n", 403)]
    [InlineData("GET /v1/Services HTTP/1.1\r\nHost: evil.example\r\nForwarded: host=localhost\r\n\r\n", 403)]
    [InlineData("GET /v1/Services HTTP/1.1\r\nHost: localhost\r\n\r\n", 200)]
    public async Task Loopback_no_form_of_a_request_hides_its_host(string request, int status)
    {
        await using var server = await TestServer.StartAsync();
        using var client = new TcpClient();
        await client.ConnectAsync(server.RestAddress.Host, server.RestAddress.Port, TestRun.Token);
        var stream = client.GetStream();

        await stream.WriteAsync(Encoding.UTF8.GetBytes(request), TestRun.Token);
        var line = await new StreamReader(stream).ReadLineAsync(TestRun.Token);

        Assert.Equal(status, int.Parse(line!.Split(' ')[1], CultureInfo.InvariantCulture));
    }

    [Theory]
    [InlineData("localhost", "evil.example", HttpStatusCode.Forbidden)]
    [InlineData("evil.example", "localhost", HttpStatusCode.Forbidden)]
    [InlineData("presence.example", "localhost", HttpStatusCode.OK)]
    [InlineData("localhost", "presence.example", HttpStatusCode.OK)]
    public async Task Behind_a_trusted_proxy_its_own_name_and_that_of_the_client_count(string host, string forwarded, HttpStatusCode status)
    {
        var settings = new ServerSettings
        {
            TrustedProxies = TrustedNetworks.Read("127.0.0.1"),
            AllowedHosts = AllowedHosts.Read("presence.example"),
        };
        await using var server = await TestServer.StartAsync(settings: settings);

        Assert.Equal(status, await GetAsync(server, host, ("X-Forwarded-Host", forwarded)));
    }

    [Theory]
    [InlineData("POST", "text/plain", "http://evil.example")]
    [InlineData("POST", "application/x-www-form-urlencoded", "http://evil.example")]
    [InlineData("POST", "multipart/form-data; boundary=x", "null")]
    [InlineData("POST", null, "http://localhost.evil.example")]
    [InlineData("POST", "application/x-www-form-urlencoded", "http://localhost:5081")]
    [InlineData("DELETE", null, "http://evil.example")]
    [InlineData("PUT", "text/plain", "http://evil.example")]
    public async Task A_form_of_a_page_changes_nothing_on_the_loopback_name(string method, string? contentType, string origin)
    {
        await using var server = await TestServer.StartAsync();
        var sid = await server.CreateServiceAsync();
        using var request = new HttpRequestMessage(
            new HttpMethod(method), method == "DELETE" ? $"/v1/Services/{sid}" : "/v1/Services");
        request.Headers.Add("Origin", origin);
        request.Content = new ByteArrayContent("FriendlyName=x"u8.ToArray());
        request.Content.Headers.ContentType = contentType is null ? null : MediaTypeHeaderValue.Parse(contentType);

        using var response = await server.Rest.SendAsync(request, TestRun.Token);

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        var left = await server.Configuration.ListServiceInstancesAsync(new ListServiceInstancesRequest());
        Assert.Equal(sid, Assert.Single(left.ServiceInstances).Sid);
    }

    [Fact]
    public async Task With_credentials_every_name_is_accepted()
    {
        await using var guarded = await GuardedServer.StartAsync();

        Assert.Equal(HttpStatusCode.OK, await GetAsync(guarded.Server, Foreign, ("Authorization", guarded.Admin)));
        Assert.Equal(HttpStatusCode.Unauthorized, await GetAsync(guarded.Server, Foreign));
    }

    private static async Task<HttpStatusCode> GetAsync(TestServer server, string host, params (string Name, string Value)[] headers)
    {
        using var http = new HttpClient { BaseAddress = server.RestAddress };
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/Services");
        request.Headers.Host = host;
        foreach (var (name, value) in headers)
            request.Headers.Add(name, value);
        using var response = await http.SendAsync(request, TestRun.Token);
        return response.StatusCode;
    }
}
