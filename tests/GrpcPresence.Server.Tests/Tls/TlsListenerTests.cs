using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using Grpc.Net.Client;
using Grpc.Net.Client.Web;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Tls;

public sealed class TlsListenerTests : IDisposable
{
    private readonly TestAuthority _root = TestAuthority.NewRoot();
    private readonly TlsFolder _folder = new();

    [Fact]
    public async Task The_whole_chain_reaches_a_client_that_trusts_only_the_root()
    {
        using var upper = _root.NewIntermediate("Upper");
        using var lower = upper.NewIntermediate("Lower");
        using var leaf = lower.IssueServer();
        _folder.Write(leaf, lower.Certificate, upper.Certificate);
        await using var server = await StartAsync();

        Assert.Equal(leaf.GetCertHashString(HashAlgorithmName.SHA256), await new TlsClient(_root).ShakeHandsAsync(server));
    }

    [Fact]
    public async Task The_same_port_serves_gRPC_and_HTTP_1_1()
    {
        await using var server = await StartWithLeafAsync();

        Assert.Equal(Uri.UriSchemeHttps, server.Address.Scheme);
        await server.CreateServiceAsync();
        var (version, status, _) = await new TlsClient(_root).GetAsync(server, HttpVersion.Version11);

        Assert.Equal((HttpVersion.Version11, HttpStatusCode.NotFound), (version, status));
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task The_same_port_serves_REST(string version)
    {
        await using var server = await StartWithLeafAsync();
        using var client = new HttpClient(new TlsClient(_root).NewHandler());
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.Address, "/v1/Services"))
        {
            Version = Version.Parse(version),
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

        using var response = await client.SendAsync(request, TestRun.Token);

        Assert.Equal((HttpStatusCode.OK, request.Version), (response.StatusCode, response.Version));
        Assert.Contains("\"first_page_url\":\"https://", await response.Content.ReadAsStringAsync(TestRun.Token), StringComparison.Ordinal);
        Assert.Equal(server.Address, server.RestAddress);
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task The_same_port_serves_gRPC_Web(string version)
    {
        await using var server = await StartWithLeafAsync();
        using var channel = GrpcChannel.ForAddress(server.Address, new GrpcChannelOptions
        {
            HttpHandler = new GrpcWebHandler(new TlsClient(_root).NewHandler()),
            HttpVersion = Version.Parse(version),
            HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            DisposeHttpClient = true,
        });
        var service = await server.CreateReachableServiceAsync();
        using var watch = new GrpcWatch(new UserService.UserServiceClient(channel).WatchUsers(
            new WatchUsersRequest { ServiceSid = service }, cancellationToken: TestRun.Token));
        await watch.Sync();

        await new UserService.UserServiceClient(channel).HeartbeatAsync(
            new HeartbeatRequest { ServiceSid = service, UserKey = "ada", SessionId = "s" }, cancellationToken: TestRun.Token);

        Assert.Equal("ada", (await watch.NextUpdate()).User.Identity);
    }

    [Fact]
    public async Task A_client_chooses_between_HTTP_2_and_1_1_in_the_handshake()
    {
        await using var server = await StartWithLeafAsync();
        var client = new TlsClient(_root);

        Assert.Equal(SslApplicationProtocol.Http11, await client.ChooseAsync(server, SslApplicationProtocol.Http11));
        Assert.Equal(SslApplicationProtocol.Http2, await client.ChooseAsync(server, SslApplicationProtocol.Http2));
        Assert.Equal(
            SslApplicationProtocol.Http2,
            await client.ChooseAsync(server, SslApplicationProtocol.Http11, SslApplicationProtocol.Http2));
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task TLS_1_2_and_1_3_are_spoken(SslProtocols protocol)
    {
        await using var server = await StartWithLeafAsync();

        Assert.NotEmpty(await new TlsClient(_root).ShakeHandsAsync(server, protocol));
    }

    [Fact]
    public async Task A_client_limited_to_TLS_1_1_gets_an_alert_that_names_the_version()
    {
        await using var server = await StartWithLeafAsync();
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, server.Address.Port, TestRun.Token);

        // Built by hand, because .NET's client would not offer it: a record with a ClientHello of version 3.2, which is TLS 1.1, and two
        // cipher suites.
        byte[] hello =
            [0x16, 3, 1, 0, 47, 1, 0, 0, 43, 3, 2, .. RandomNumberGenerator.GetBytes(32), 0, 0, 4, 0xC0, 0x09, 0xC0, 0x13, 1, 0];
        await tcp.GetStream().WriteAsync(hello, TestRun.Token);
        var answer = new byte[7];
        await tcp.GetStream().ReadExactlyAsync(answer, TestRun.Token);

        // RFC 5246, section 7.2: an alert, fatal, protocol_version.
        Assert.Equal((21, 2, 70), (answer[0], answer[5], answer[6]));
    }

    [Fact]
    public async Task A_client_that_does_not_know_the_authority_does_not_connect()
    {
        await using var server = await StartWithLeafAsync();
        using var other = TestAuthority.NewRoot();

        await Assert.ThrowsAsync<AuthenticationException>(() => new TlsClient(other).ShakeHandsAsync(server));
        Assert.Empty(server.Log.Problems);
    }

    public void Dispose()
    {
        _root.Dispose();
        _folder.Dispose();
    }

    private Task<TestServer> StartWithLeafAsync()
    {
        using var leaf = _root.IssueServer();
        _folder.Write(leaf);
        return StartAsync();
    }

    private Task<TestServer> StartAsync() => TestServer.StartAsync(settings: _folder.Settings, handler: new TlsClient(_root).NewHandler());
}
