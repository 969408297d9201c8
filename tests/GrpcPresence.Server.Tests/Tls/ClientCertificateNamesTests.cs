using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using GrpcPresence.Server.Security.Tls;

namespace GrpcPresence.Server.Tests.Tls;

public sealed class ClientCertificateNamesTests : IDisposable
{
    private const int DnsName = 2;
    private const int Uri = 6;

    private readonly TestAuthority _root = TestAuthority.NewRoot();

    [Fact]
    public void URIs_and_DNS_names_are_names_in_their_order()
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("a.example.org");
        names.AddIpAddress(IPAddress.Loopback);
        names.AddUri(new Uri("spiffe://example.org/ns/push/sa/gateway"));
        names.AddEmailAddress("somebody@example.org");
        names.AddUserPrincipalName("somebody");
        names.AddDnsName("b.example.org");

        Assert.Equal(["a.example.org", "spiffe://example.org/ns/push/sa/gateway", "b.example.org"], NamesIn(names.Build()));
    }

    [Fact]
    public void A_common_name_is_none() => Assert.Empty(NamesIn(null));

    [Theory]
    [InlineData(Uri, "gateway.example.org")]
    [InlineData(DnsName, "spiffe://example.org/gateway")]
    [InlineData(DnsName, "")]
    [InlineData(DnsName, "gateway.example.org\n")]
    [InlineData(DnsName, "gateway.example.org\0")]
    public void One_invalid_name_makes_all_names_of_a_certificate_unusable(int kind, string name) =>
        Assert.Empty(NamesIn(Extension(Encode((DnsName, "good.example.org"), (kind, name)))));

    [Fact]
    public void An_extension_that_is_not_encoded_rightly_has_no_names()
    {
        var whole = Encode((DnsName, "good.example.org"), (Uri, "spiffe://example.org/gateway"));
        Assert.Equal(2, NamesIn(Extension(whole)).Count);

        Assert.Empty(NamesIn(Extension(whole[..^1])));
        Assert.Empty(NamesIn(Extension([.. whole, 0])));
        Assert.Empty(NamesIn(Extension([])));
        // BER allows an indefinite length, and DER does not.
        Assert.Empty(NamesIn(Extension([0x30, 0x80, .. whole[2..], 0, 0])));
    }

    public void Dispose() => _root.Dispose();

    private IReadOnlyList<string> NamesIn(X509Extension? names)
    {
        using var certificate = _root.IssueClient(names);
        return ClientCertificateNames.In(certificate);
    }

    private static X509Extension Extension(byte[] encoded) => new("2.5.29.17", encoded, critical: false);

    private static byte[] Encode(params (int Kind, string Name)[] names)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            foreach (var (kind, name) in names)
                writer.WriteCharacterString(UniversalTagNumber.IA5String, name, new Asn1Tag(TagClass.ContextSpecific, kind));
        }
        return writer.Encode();
    }
}
