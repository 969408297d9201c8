using GrpcPresence.Server.Security.Tls;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Tests.Tls;

/// <summary>Tests the options with which the printed <c>buf curl</c> commands connect.</summary>
public sealed class CurlOptionsTests : IDisposable
{
    private static readonly Uri Address = new("https://127.0.0.1:5080");
    private static readonly ServerSettings Settings = new() { TlsCertificate = "/etc/tls.pem" };

    private readonly TestAuthority _root = TestAuthority.NewRoot();

    [Fact]
    public void The_certificate_is_its_own_authority()
    {
        using var leaf = _root.IssueServer();

        Assert.Equal("--cacert '/etc/tls.pem'", CurlOptions.For(Settings, leaf, Address));
    }

    [Theory]
    [InlineData("presence.example.org", "presence.example.org")]
    [InlineData("*.example.org", "presence.example.org")]
    public void The_name_is_given_where_it_is_not_the_address(string name, string given)
    {
        using var leaf = _root.IssueServer(name);

        Assert.Equal($"--cacert '/etc/tls.pem' --servername {given}", CurlOptions.For(Settings, leaf, Address));
    }

    [Fact]
    public void A_certificate_that_is_required_is_left_to_be_filled_in()
    {
        using var leaf = _root.IssueServer();
        var settings = Settings with { ClientCertificates = ClientCertificates.Required };

        Assert.Equal("--cacert '/etc/tls.pem' --cert CLIENT.pem --key CLIENT.key", CurlOptions.For(settings, leaf, Address));
    }

    public void Dispose() => _root.Dispose();
}
