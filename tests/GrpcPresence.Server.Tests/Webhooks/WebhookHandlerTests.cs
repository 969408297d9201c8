using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>What a receiver cannot make this server do.</summary>
public sealed class WebhookHandlerTests
{
    [Fact]
    public async Task A_certificate_that_names_where_its_authority_is_found_has_nobody_look_there()
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
    public async Task Certificates_that_receivers_show_are_not_kept()
    {
        using var certificate = CertificateOfAuthorityAt("http://example.invalid/");
        using var handler = WebhookHandler.New(new TargetGuard(allowPrivate: true, Dns.GetHostAddressesAsync));
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var handshake = ShowAsync(listener, certificate);

        Assert.Null(await CallAsync($"https://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/", handler));

        await handshake;
        Assert.Empty(handler.SslOptions.CertificateChainPolicy!.ExtraStore);
    }

    [Theory]
    [InlineData("http://xn--/")]
    [InlineData("http://xn--a-ecp.invalid/")]
    [InlineData("http://-/")]
    [InlineData("http://_/")]
    [InlineData("http://1.2.3.4.5/")]
    [InlineData("http://127.0.0.1:0/")]
    public async Task A_URL_that_may_be_set_is_at_the_worst_not_reached(string url)
    {
        Assert.True(WebhookUrl.IsValid(url));
        Assert.Null(await CallAsync(url));
    }

    private static async Task ShowAsync(TcpListener listener, X509Certificate2 certificate)
    {
        using var client = await listener.AcceptTcpClientAsync(TestRun.Token);
        await using var stream = new SslStream(client.GetStream());
        var shown = SslStreamCertificateContext.Create(certificate, additionalCertificates: [certificate], offline: true);
        await Record.ExceptionAsync(async () =>
        {
            await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = shown }, TestRun.Token);
            await stream.ReadExactlyAsync(new byte[1], TestRun.Token);
        });
    }

    /// <summary>A certificate of a server whose authority is nowhere but at the URL.</summary>
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
        using var handler = WebhookHandler.New(new TargetGuard(allowPrivate: true, Dns.GetHostAddressesAsync));
        return await CallAsync(url, handler);
    }

    private static async Task<HttpStatusCode?> CallAsync(string url, HttpMessageHandler handler)
    {
        using var client = new WebhookClient(handler, new ServerSettings(), TimeProvider.System);
        return await client.SendAsync(url, WebhookMethod.Post, [], TestRun.Token);
    }
}
