using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Tls;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>Tests what a webhook receiver cannot make this server do.</summary>
public sealed class WebhookHandlerTests
{
    [Fact]
    public async Task The_URL_of_the_authority_in_a_certificate_is_not_fetched()
    {
        await using var inside = await WebhookReceiver.StartAsync();
        using var certificate = CertificateOfAuthorityAt(inside.Url);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var handshake = ShowAsync(listener, certificate);

        Assert.Null(await CallAsync($"https://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/"));

        await handshake;
        Assert.Equal(0, inside.Unread);
    }

    [Fact]
    public async Task A_receiver_that_presents_its_whole_chain_is_called_and_the_chain_is_not_stored()
    {
        using var root = TestAuthority.NewRoot();
        using var intermediate = root.NewIntermediate("Intermediate");
        using var certificate = intermediate.IssueServer();
        using var handler = NewHandler();
        var policy = handler.SslOptions.CertificateChainPolicy!;
        policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        policy.CustomTrustStore.Add(root.Certificate);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var handshake = ShowAsync(listener, certificate, intermediate.Certificate);

        Assert.Equal(HttpStatusCode.OK, await CallAsync($"https://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/", handler));

        await handshake;
        Assert.Empty(policy.ExtraStore);
    }

    [Theory]
    [InlineData("http://xn--/")]
    [InlineData("http://xn--a-ecp.invalid/")]
    [InlineData("http://-/")]
    [InlineData("http://_/")]
    [InlineData("http://1.2.3.4.5/")]
    [InlineData("http://127.0.0.1:0/")]
    public async Task A_valid_URL_that_cannot_be_reached_counts_as_a_missing_response(string url)
    {
        Assert.True(WebhookUrl.IsValid(url));
        Assert.Null(await CallAsync(url));
    }

    /// <summary>Accepts one connection and answers one request, if the client accepts the certificates.</summary>
    private static async Task ShowAsync(TcpListener listener, params X509Certificate2[] chain)
    {
        using var client = await listener.AcceptTcpClientAsync(TestRun.Token);
        await using var stream = new SslStream(client.GetStream());
        var shown = SslStreamCertificateContext.Create(chain[0], [.. chain[1..]], offline: true);
        await Record.ExceptionAsync(async () =>
        {
            await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = shown }, TestRun.Token);
            await stream.ReadAtLeastAsync(new byte[1024], minimumBytes: 1, cancellationToken: TestRun.Token);
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray(), TestRun.Token);
        });
    }

    /// <summary>Creates a server certificate whose authority can be found only at the URL.</summary>
    private static X509Certificate2 CertificateOfAuthorityAt(string url)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Leaf", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509AuthorityInformationAccessExtension(ocspUris: null, caIssuersUris: [url]));
        var begin = new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);
        using var signed = request.Create(
            new X500DistinguishedName("CN=Authority"), X509SignatureGenerator.CreateForECDsa(key), begin, begin.AddYears(80), [1, 2, 3]);
        return signed.CopyWithPrivateKey(key);
    }

    private static async Task<HttpStatusCode?> CallAsync(string url)
    {
        using var handler = NewHandler();
        return await CallAsync(url, handler);
    }

    private static async Task<HttpStatusCode?> CallAsync(string url, HttpMessageHandler handler)
    {
        using var client = new WebhookClient(handler, TimeProvider.System);
        return (await client.SendAsync(new WebhookRequest(url, WebhookMethod.Post, []), TestRun.Token)).Status;
    }

    private static SocketsHttpHandler NewHandler()
    {
        using var network = new WebhookNetwork();
        return WebhookHandler.New(new WebhookConnector(
            default, new WebhookAddressPolicy(allowPrivate: true), network.Resolver, new HappyEyeballs(
                (endpoint, token) => WebhookConnection.OpenAsync(endpoint, () => { }, token), TimeProvider.System)).ConnectAsync);
    }
}
