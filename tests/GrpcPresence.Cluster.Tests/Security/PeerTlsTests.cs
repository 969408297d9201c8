using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using GrpcPresence.Cluster.Tests.Fixture;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Cluster.Tests.Security;

/// <summary>Mutual TLS between nodes that run in this process.</summary>
public sealed class PeerTlsTests : IDisposable
{
    private readonly TestCertificates _certificates = new();
    private readonly TestCertificates _otherAuthority = new();
    private readonly RecordedLogs _logs = new();
    private readonly string _database = TestDatabase.Create();

    [Fact]
    public async Task Nodes_with_certificates_of_one_authority_meet_and_need_no_certificate_for_clients()
    {
        await using var first = await StartAsync(_certificates.Issue());
        var received = new TaskCompletionSource<(NodeId From, NodeMessage Message)>();
        first.MessageReceived += (from, message) => received.TrySetResult((from, message));
        await using var second = await StartAsync(_certificates.Issue());
        Assert.Equal(2, second.View.Current.Nodes.Length);

        second.Channel.Send(first.View.Self, new LinkAcknowledgement(5));

        var (from, message) = await received.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Equal((second.View.Self, new LinkAcknowledgement(5)), (from, message));
        Assert.DoesNotContain(_logs.Lines, line => line.StartsWith("Warning", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_node_with_a_certificate_of_another_authority_is_refused()
    {
        await using var first = await StartAsync(_certificates.Issue());
        // It trusts the first node, so that only the first node refuses.
        await CheckRefusedAsync(first, _otherAuthority.Issue() with { AuthoritiesFile = _certificates.AuthoritiesFile });
    }

    [Theory]
    [InlineData(null)]
    [InlineData(TestCertificates.ClientAuthentication)]
    public async Task A_certificate_that_does_not_say_that_it_is_for_servers_is_refused(string? purpose)
    {
        await using var first = await StartAsync(_certificates.Issue());
        await ConnectAsync(first, _certificates.Issue(purpose));
        await _logs.SeesAsync("Rejected the certificate of another node: its extended key usage does not name server authentication");
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("presence")]
    [InlineData("*.example.org")]
    public async Task A_certificate_that_shares_only_a_name_of_many_programs_is_refused(string name)
    {
        await using var first = await StartAsync(_certificates.Issue(names: [TestCertificates.Name, name]));
        await ConnectAsync(first, _certificates.Issue(names: ["gateway.example.org", name]));
        await _logs.SeesAsync("Rejected the certificate of another node: it has no DNS name of nodes");
    }

    [Fact]
    public async Task A_certificate_with_another_name_is_refused()
    {
        await using var first = await StartAsync(_certificates.Issue());
        await CheckRefusedAsync(first, _certificates.Issue(names: "gateway.example.org"));
    }

    [Fact]
    public async Task A_renewed_certificate_is_used_without_a_restart()
    {
        var files = _certificates.Issue();
        await using var first = await StartAsync(files);
        // Both nodes change to another authority.
        var renewed = _otherAuthority.Issue();
        File.Copy(renewed.CertificateFile, files.CertificateFile, overwrite: true);
        File.Copy(renewed.KeyFile, files.KeyFile, overwrite: true);
        File.Copy(renewed.AuthoritiesFile, files.AuthoritiesFile, overwrite: true);

        await using var second = await StartAsync(_otherAuthority.Issue());

        Assert.Equal(2, second.View.Current.Nodes.Length);
    }

    public void Dispose()
    {
        _certificates.Dispose();
        _otherAuthority.Dispose();
        _logs.Dispose();
    }

    private async Task CheckRefusedAsync(ClusterTransport first, ClusterTlsOptions tls)
    {
        await using var stranger = await CreateAsync(tls);
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var start = stranger.StartAsync(giveUp.Token);
        await _logs.SeesAsync("Rejected the certificate of another node");
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => start);
        Assert.Equal([first.View.Self], first.View.Current.Nodes);
    }

    /// <summary>Connects as a program that is not a node.</summary>
    private static async Task ConnectAsync(ClusterTransport node, ClusterTlsOptions tls)
    {
        using var certificate = X509Certificate2.CreateFromPemFile(tls.CertificateFile, tls.KeyFile);
        using var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(node.View.Self.Name), TestContext.Current.CancellationToken);
        await using var stream = new SslStream(client.GetStream());
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = TestCertificates.Name,
            ClientCertificateContext = SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true),
            CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            },
        };
        options.CertificateChainPolicy.CustomTrustStore.ImportFromPemFile(tls.AuthoritiesFile);
        try
        {
            await stream.AuthenticateAsClientAsync(options, TestContext.Current.CancellationToken);
            Assert.Equal(0, await stream.ReadAsync(new byte[1], TestContext.Current.CancellationToken));
        }
        catch (Exception exception) when (exception is IOException or AuthenticationException)
        {
            // The node closes the connection during the handshake, or right after it.
        }
    }

    private async Task<ClusterTransport> StartAsync(ClusterTlsOptions tls)
    {
        var transport = await CreateAsync(tls);
        await transport.StartAsync(TestContext.Current.CancellationToken);
        return transport;
    }

    private Task<ClusterTransport> CreateAsync(ClusterTlsOptions tls) => ClusterTransport.CreateAsync(
        new ClusterTransportOptions
        {
            ClusterId = "test",
            AdvertisedAddress = TestDatabase.FreeAddress(),
            ConnectionString = _database,
            Tls = tls,
        },
        _logs,
        TestContext.Current.CancellationToken);
}
