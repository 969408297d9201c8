using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using GrpcPresence.Server.Tests.Fixture;

namespace GrpcPresence.Server.Tests.Tls;

/// <summary>A client that trusts only one root, and may have its own certificate.</summary>
internal sealed class TlsClient(TestAuthority root, X509Certificate2? own = null, params X509Certificate2[] intermediates)
{
    /// <summary>Returns a handler for gRPC. Each handler has its own connections.</summary>
    public SocketsHttpHandler NewHandler() => new() { SslOptions = NewOptions() };

    /// <summary>Requests a path on a new connection.</summary>
    /// <exception cref="HttpRequestException">The connection failed or was closed.</exception>
    public async Task<(Version Version, HttpStatusCode Status, string Body)> GetAsync(TestServer server, Version version, string path = "/")
    {
        using var http = new HttpClient(NewHandler());
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.Address, path));
        (request.Version, request.VersionPolicy) = (version, HttpVersionPolicy.RequestVersionExact);
        using var response = await http.SendAsync(request, TestRun.Token);
        return (response.Version, response.StatusCode, await response.Content.ReadAsStringAsync(TestRun.Token));
    }

    /// <summary>Fails unless the server accepts this client.</summary>
    public async Task AssertTakenAsync(TestServer server) =>
        Assert.Equal(HttpStatusCode.NotFound, (await GetAsync(server, HttpVersion.Version11)).Status);

    /// <summary>Fails if the server accepts this client.</summary>
    public async Task AssertRejectedAsync(TestServer server) =>
        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(server, HttpVersion.Version11));

    /// <summary>Connects, and returns the SHA-256 of the server's certificate.</summary>
    public Task<string> ShakeHandsAsync(TestServer server, SslProtocols protocols = SslProtocols.None) => ShakeHandsAsync(
        server,
        options => options.EnabledSslProtocols = protocols,
        tls => tls.RemoteCertificate!.GetCertHashString(HashAlgorithmName.SHA256));

    /// <summary>Connects, and returns the application protocol that the server chooses.</summary>
    public Task<SslApplicationProtocol> ChooseAsync(TestServer server, params SslApplicationProtocol[] offers) => ShakeHandsAsync(
        server, options => options.ApplicationProtocols = [.. offers], tls => tls.NegotiatedApplicationProtocol);

    private async Task<T> ShakeHandsAsync<T>(TestServer server, Action<SslClientAuthenticationOptions> configure, Func<SslStream, T> result)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, server.Address.Port, TestRun.Token);
        await using var tls = new SslStream(tcp.GetStream());
        var options = NewOptions();
        options.TargetHost = server.Address.Host;
        configure(options);
        await tls.AuthenticateAsClientAsync(options, TestRun.Token);
        return result(tls);
    }

    private SslClientAuthenticationOptions NewOptions() => new()
    {
        CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            CustomTrustStore = { root.Certificate },
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        },
        ClientCertificateContext = own is null ? null : SslStreamCertificateContext.Create(own, [.. intermediates], offline: true),
    };
}
