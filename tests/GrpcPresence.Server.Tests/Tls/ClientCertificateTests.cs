using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using GrpcPresence.Server.Security.Tls;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Server.Tests.Tls;

public sealed class ClientCertificateTests : IDisposable
{
    private readonly TestAuthority _root = TestAuthority.NewRoot();
    private readonly TestAuthority _clients = TestAuthority.NewRoot("Clients");
    private readonly TlsFolder _folder = new();
    private readonly FakeTimeProvider _time = new();

    public ClientCertificateTests()
    {
        using var leaf = _root.IssueServer();
        _folder.Write(leaf);
        _folder.WriteAuthorities(_clients.Certificate);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_good_certificate_is_taken(bool required)
    {
        await using var server = await StartAsync(required ? ClientCertificates.Required : ClientCertificates.Optional);
        using var certificate = _clients.IssueClient();

        await new TlsClient(_root, certificate).AssertTakenAsync(server);
    }

    [Fact]
    public async Task A_certificate_that_comes_with_its_intermediate_is_taken()
    {
        await using var server = await StartAsync(ClientCertificates.Required);
        using var intermediate = _clients.NewIntermediate("Intermediate");
        using var certificate = intermediate.IssueClient();

        await new TlsClient(_root, certificate, intermediate.Certificate).AssertTakenAsync(server);
        await new TlsClient(_root, certificate).AssertRejectedAsync(server);
    }

    [Fact]
    public async Task A_client_without_a_certificate_is_rejected_if_one_is_required()
    {
        await using var server = await StartAsync(ClientCertificates.Required);

        await new TlsClient(_root).AssertRejectedAsync(server);
    }

    [Fact]
    public async Task No_certificate_is_taken_where_one_is_optional()
    {
        await using var server = await StartAsync(ClientCertificates.Optional);

        await new TlsClient(_root).AssertTakenAsync(server);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_certificate_of_another_authority_is_rejected_even_if_certificates_are_optional(bool required)
    {
        await using var server = await StartAsync(required ? ClientCertificates.Required : ClientCertificates.Optional);
        using var certificate = _root.IssueClient();

        await new TlsClient(_root, certificate).AssertRejectedAsync(server);
    }

    [Fact]
    public async Task A_certificate_is_taken_until_it_ends_and_not_after()
    {
        await using var server = await StartAsync(ClientCertificates.Optional);
        using var certificate = _clients.IssueClient(notAfter: _time.GetUtcNow().AddMinutes(1));
        var client = new TlsClient(_root, certificate);

        await client.AssertTakenAsync(server);
        _time.Advance(TimeSpan.FromMinutes(2));

        await client.AssertRejectedAsync(server);
    }

    [Fact]
    public async Task A_certificate_without_client_usage_is_rejected()
    {
        await using var server = await StartAsync(ClientCertificates.Optional);
        using var certificate = _clients.IssueServer();

        await new TlsClient(_root, certificate).AssertRejectedAsync(server);
    }

    [Fact]
    public async Task A_rejected_client_does_not_fill_the_log()
    {
        await using var server = await StartAsync(ClientCertificates.Required);
        var began = server.Log.Entries.Count;

        await new TlsClient(_root).AssertRejectedAsync(server);

        Assert.Equal(began, server.Log.Entries.Count);
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task Requests_have_the_names_of_their_connection(string version)
    {
        await using var server = await StartAsync(ClientCertificates.Optional, ShowNames);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri("spiffe://example.org/gateway"));
        names.AddDnsName("gateway.example.org");
        using var certificate = _clients.IssueClient(names.Build());

        var (_, _, named) = await new TlsClient(_root, certificate).GetAsync(server, Version.Parse(version), "/names");
        var (_, _, unnamed) = await new TlsClient(_root).GetAsync(server, Version.Parse(version), "/names");

        Assert.Equal("spiffe://example.org/gateway gateway.example.org", named);
        Assert.Empty(unnamed);
    }

    [Fact]
    public async Task Names_are_read_once_a_connection()
    {
        var seen = new ConcurrentQueue<IReadOnlyList<string>>();
        await using var server = await StartAsync(ClientCertificates.Required, app => app.Run(context =>
        {
            seen.Enqueue(ClientCertificateNames.Of(context));
            return Task.CompletedTask;
        }));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("gateway.example.org");
        using var certificate = _clients.IssueClient(names.Build());
        using var http = new HttpClient(new TlsClient(_root, certificate).NewHandler());

        await http.GetStringAsync(server.Address, TestRun.Token);
        await http.GetStringAsync(server.Address, TestRun.Token);

        Assert.Equal(["gateway.example.org"], seen.First());
        Assert.Same(seen.First(), seen.Last());
        Assert.Equal(2, seen.Count);
    }

    [Fact]
    public void A_request_without_TLS_has_no_names() => Assert.Empty(ClientCertificateNames.Of(new DefaultHttpContext()));

    public void Dispose()
    {
        _root.Dispose();
        _clients.Dispose();
        _folder.Dispose();
    }

    private static void ShowNames(WebApplication app) =>
        app.MapGet("/names", (HttpContext context) => string.Join(' ', ClientCertificateNames.Of(context)));

    private Task<TestServer> StartAsync(ClientCertificates clients, Action<WebApplication>? map = null) =>
        TestServer.StartAsync(map, _time, settings: _folder.SettingsWith(clients));
}
