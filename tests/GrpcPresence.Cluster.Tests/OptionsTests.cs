using System.Net;
using System.Net.Sockets;
using GrpcPresence.Cluster.Tests.Fixture;
using Microsoft.Extensions.Logging.Abstractions;

namespace GrpcPresence.Cluster.Tests;

/// <summary>What a node refuses before it starts.</summary>
public sealed class OptionsTests : IDisposable
{
    private readonly TestCertificates _certificates = new();

    [Theory]
    [InlineData("10.0.0.1:7000", null)]
    [InlineData("127.0.0.1:7000", "0.0.0.0:7000")]
    [InlineData("[2001:db8::1]:7000", null)]
    public async Task Without_TLS_an_address_that_is_not_loopback_is_refused(string advertised, string? listen) =>
        Assert.StartsWith("Without TLS", await RefuseAsync(advertised, listen), StringComparison.Ordinal);

    [Fact]
    public async Task An_address_without_a_port_is_refused() =>
        Assert.Contains("no port", await RefuseAsync("127.0.0.1:0"), StringComparison.Ordinal);

    [Fact]
    public async Task An_address_that_names_no_machine_is_refused() =>
        Assert.Contains("cannot reach", await RefuseAsync("0.0.0.0:7000", tls: _certificates.Issue()), StringComparison.Ordinal);

    [Fact]
    public async Task An_address_that_cannot_be_listened_on_is_refused()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var inUse = await RefuseAsync(taken.LocalEndpoint.ToString()!, problem: ClusterTransportProblem.Address);
        Assert.Contains("cannot listen", inUse, StringComparison.Ordinal);
        var elsewhere = await RefuseAsync("192.0.2.1:7000", tls: _certificates.Issue(), problem: ClusterTransportProblem.Address);
        Assert.Contains("cannot listen", elsewhere, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_of_another_certificate_is_refused()
    {
        var tls = _certificates.Issue() with { KeyFile = _certificates.Issue().KeyFile };
        Assert.Contains("matching key", await RefuseAsync("10.0.0.1:7000", tls: tls), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_missing_is_refused()
    {
        var tls = _certificates.Issue() with { AuthoritiesFile = "missing.pem" };
        Assert.StartsWith("'missing.pem' cannot be read", await RefuseAsync("10.0.0.1:7000", tls: tls), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_without_the_name_of_nodes_is_refused()
    {
        Assert.Contains("no DNS name", await RefuseAsync("10.0.0.1:7000", tls: _certificates.Issue(names: "")), StringComparison.Ordinal);
        var tls = _certificates.Issue() with { PeerName = "node.example.org" };
        Assert.Contains("lacks the DNS name", await RefuseAsync("10.0.0.1:7000", tls: tls), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("localhost.")]
    [InlineData("node")]
    [InlineData("*.example.org")]
    public async Task A_certificate_whose_only_name_other_programs_may_have_is_refused(string name)
    {
        var message = await RefuseAsync("10.0.0.1:7000", tls: _certificates.Issue(names: name));
        Assert.Contains("no DNS name", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(TestCertificates.ClientAuthentication)]
    public async Task A_certificate_that_does_not_say_that_it_is_for_servers_is_refused(string? purpose)
    {
        var message = await RefuseAsync("10.0.0.1:7000", tls: _certificates.Issue(purpose));
        Assert.Contains("no extended key usage for server authentication", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_does_not_answer_is_refused() => Assert.StartsWith(
        "The database of the membership cannot be used",
        await RefuseAsync(
            "127.0.0.1:7000",
            database: $"Host=127.0.0.1;Port={TestDatabase.FreeAddress().Port}",
            problem: ClusterTransportProblem.Away),
        StringComparison.Ordinal);

    [Fact]
    public async Task A_database_without_the_tables_is_refused()
    {
        TestDatabase.SkipIfMissing();
        var database = Testing.PostgresServer.Shared.CreateSchema();
        Assert.Contains("no tables of the membership", await RefuseAsync("127.0.0.1:7000", database: database), StringComparison.Ordinal);
    }

    public void Dispose() => _certificates.Dispose();

    private static async Task<string> RefuseAsync(
        string advertised,
        string? listen = null,
        ClusterTlsOptions? tls = null,
        string database = "Host=127.0.0.1;Port=1",
        ClusterTransportProblem problem = ClusterTransportProblem.Options)
    {
        var options = new ClusterTransportOptions
        {
            ClusterId = "test",
            AdvertisedAddress = IPEndPoint.Parse(advertised),
            ListenAddress = listen is null ? null : IPEndPoint.Parse(listen),
            ConnectionString = database,
            Tls = tls,
        };
        var exception = await Assert.ThrowsAsync<ClusterTransportException>(
            () => ClusterTransport.CreateAsync(options, NullLoggerFactory.Instance, TestContext.Current.CancellationToken));
        Assert.DoesNotContain('\n', exception.Message);
        Assert.Equal(problem, exception.Problem);
        return exception.Message;
    }
}
