using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Tls;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>Tests callers in a service mesh, which authenticate with their client certificates.</summary>
public sealed class CertificateCallerTests : IAsyncLifetime
{
    private const string Gateway = "spiffe://example.org/gateway";

    private TestAuthority _root = null!;
    private TlsFolder _folder = null!;
    private GuardedServer _guarded = null!;

    public async ValueTask InitializeAsync() => await StartAsync(allowAnonymous: false);

    public async ValueTask DisposeAsync()
    {
        await _guarded.DisposeAsync();
        _folder.Dispose();
        _root.Dispose();
    }

    [Fact]
    public async Task Certificates_A_certificate_with_the_name_of_a_key_has_its_scope_and_role()
    {
        await _guarded.NewKeyAsync(ApiKeyRole.Read, _guarded.Own, Gateway);
        using var certificate = Issue("other.example.org", Gateway);
        using var mesh = Connect(certificate);

        await ReadAsync(mesh, _guarded.Own);

        Assert.Equal("SERVICE_INSTANCE_NOT_FOUND", (await CallError.Of(ReadAsync(mesh, _guarded.Foreign))).Reason);
        var created = UsersOf(mesh).CreateUserAsync(new CreateUserRequest { ServiceSid = _guarded.Own, Identity = "alice" },
            cancellationToken: TestRun.Token);
        Assert.Equal("PERMISSION_DENIED", (await CallError.Of(created)).Reason);
    }

    [Theory]
    [InlineData("spiffe://example.org/other")]
    [InlineData("spiffe://example.org/gateway/")]
    [InlineData("spiffe://example.org/GATEWAY")]
    public async Task Certificates_A_certificate_with_another_name_is_not_authenticated(string name)
    {
        await _guarded.NewKeyAsync(ApiKeyRole.Read, _guarded.Own, Gateway);
        using var certificate = Issue(null, name);
        using var mesh = Connect(certificate);

        Assert.Equal((StatusCode.Unauthenticated, "CREDENTIALS_INVALID"), CodeAndReason(await CallError.Of(ReadAsync(mesh, _guarded.Own))));
    }

    [Fact]
    public async Task Certificates_A_caller_whose_key_was_revoked_does_not_become_anonymous_where_anonymous_callers_are_allowed()
    {
        await DisposeAsync();
        await StartAsync(allowAnonymous: true);
        var key = await _guarded.NewKeyAsync(ApiKeyRole.Read, certificateName: Gateway);
        using var certificate = Issue(null, Gateway);
        using var mesh = Connect(certificate);
        await ReadAsync(mesh, _guarded.Own);

        await _guarded.Keys.RevokeApiKeyAsync(new RevokeApiKeyRequest { ApiKeySid = key.ApiKey.Sid });

        Assert.Equal("CREDENTIALS_INVALID", (await CallError.Of(ReadAsync(mesh, _guarded.Own))).Reason);
        await _guarded.ReadAsync(null);
    }

    [Fact]
    public async Task Certificates_A_caller_without_a_certificate_needs_credentials()
    {
        Assert.Equal((StatusCode.Unauthenticated, "CREDENTIALS_REQUIRED"), CodeAndReason(await CallError.Of(_guarded.ReadAsync(null))));
    }

    [Fact]
    public async Task Certificates_Credentials_in_the_header_take_precedence()
    {
        await _guarded.NewKeyAsync(ApiKeyRole.Read, _guarded.Foreign, Gateway);
        using var certificate = Issue(null, Gateway);
        using var mesh = Connect(certificate);

        await UsersOf(mesh).ListUsersAsync(
            new ListUsersRequest { ServiceSid = _guarded.Own }, new Metadata { { "authorization", _guarded.Admin } },
                cancellationToken: TestRun.Token);
        var wrong = UsersOf(mesh).ListUsersAsync(
            new ListUsersRequest { ServiceSid = _guarded.Foreign }, new Metadata { { "authorization", "Basic x" } },
                cancellationToken: TestRun.Token);
        Assert.Equal("CREDENTIALS_INVALID", (await CallError.Of(wrong)).Reason);
    }

    [Fact]
    public async Task Certificates_Streams_end_when_the_key_with_the_name_is_revoked()
    {
        var key = await _guarded.NewKeyAsync(ApiKeyRole.Read, _guarded.Own, Gateway);
        using var certificate = Issue(null, Gateway);
        using var mesh = Connect(certificate);
        using var watch = new GrpcWatch(
            UsersOf(mesh).WatchUsers(new WatchUsersRequest { ServiceSid = _guarded.Own }, cancellationToken: TestRun.Token));
        await watch.Sync();

        await _guarded.Keys.RevokeApiKeyAsync(new RevokeApiKeyRequest { ApiKeySid = key.ApiKey.Sid });
        _guarded.Time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal("API_KEY_REVOKED", (await watch.Ended()).Reason);
        Assert.Equal("CREDENTIALS_INVALID", (await CallError.Of(ReadAsync(mesh, _guarded.Own))).Reason);
    }

    [Fact]
    public async Task Certificates_A_rotation_of_the_secret_does_not_affect_them()
    {
        var key = await _guarded.NewKeyAsync(ApiKeyRole.Read, _guarded.Own, Gateway);
        using var certificate = Issue(null, Gateway);
        using var mesh = Connect(certificate);

        await _guarded.Keys.RotateApiKeyAsync(new RotateApiKeyRequest { ApiKeySid = key.ApiKey.Sid });

        await ReadAsync(mesh, _guarded.Own);
    }

    private async Task StartAsync(bool allowAnonymous)
    {
        (_root, _folder) = (TestAuthority.NewRoot(), new TlsFolder());
        using var leaf = _root.IssueServer();
        _folder.Write(leaf);
        _folder.WriteAuthorities(_root.Certificate);
        var tls = _folder.SettingsWith(ClientCertificates.Optional);
        _guarded = await GuardedServer.StartAsync(
            settings => settings with
            {
                AllowAnonymous = allowAnonymous,
                TlsCertificate = tls.TlsCertificate,
                TlsKey = tls.TlsKey,
                ClientCertificates = tls.ClientCertificates,
                ClientCertificateAuthorities = tls.ClientCertificateAuthorities,
            },
            new TlsClient(_root).NewHandler());
    }

    private X509Certificate2 Issue(string? dns, string uri)
    {
        var names = new SubjectAlternativeNameBuilder();
        if (dns is not null)
            names.AddDnsName(dns);
        names.AddUri(new Uri(uri));
        return _root.IssueClient(names.Build());
    }

    private GrpcChannel Connect(X509Certificate2 certificate) => GrpcChannel.ForAddress(
        _guarded.Server.Address,
            new GrpcChannelOptions { HttpHandler = new TlsClient(_root, certificate).NewHandler(), DisposeHttpClient = true });

    private static UserService.UserServiceClient UsersOf(GrpcChannel mesh) => new(mesh);

    private static AsyncUnaryCall<ListUsersResponse> ReadAsync(GrpcChannel mesh, string service) =>
        UsersOf(mesh).ListUsersAsync(new ListUsersRequest { ServiceSid = service }, cancellationToken: TestRun.Token);

    private static (StatusCode Code, string Reason) CodeAndReason(CallError error) => (error.Code, error.Reason);
}
