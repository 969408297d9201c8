using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace GrpcPresence.Server.Tests.Tls;

/// <summary>A certificate authority for the duration of a test.</summary>
internal sealed class TestAuthority : IDisposable
{
    private const string ServerUsage = "1.3.6.1.5.5.7.3.1";
    private const string ClientUsage = "1.3.6.1.5.5.7.3.2";

    private static readonly DateTimeOffset Begin = new(1999, 1, 1, 0, 0, 0, TimeSpan.Zero); // before the time of a FakeTimeProvider
    private static readonly DateTimeOffset End = new(2100, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private TestAuthority(X509Certificate2 certificate) => Certificate = certificate;

    /// <summary>The authority's own certificate.</summary>
    public X509Certificate2 Certificate { get; }

    public static TestAuthority NewRoot(string name = "Root")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new TestAuthority(AuthorityRequest(name, key).CreateSelfSigned(Begin, End));
    }

    public void Dispose() => Certificate.Dispose();

    /// <summary>Creates an intermediate authority.</summary>
    public TestAuthority NewIntermediate(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new TestAuthority(Sign(AuthorityRequest(name, key), key, End));
    }

    /// <summary>Issues the certificate of a server at 127.0.0.1.</summary>
    public X509Certificate2 IssueServer(DateTimeOffset? notAfter = null)
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        return Issue(ServerUsage, names.Build(), notAfter);
    }

    /// <summary>Issues the certificate of a server with this name and without an address.</summary>
    public X509Certificate2 IssueServer(string name)
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        return Issue(ServerUsage, names.Build());
    }

    /// <summary>Issues the certificate of a client.</summary>
    public X509Certificate2 IssueClient(X509Extension? names = null, DateTimeOffset? notAfter = null) =>
        Issue(ClientUsage, names, notAfter);

    private X509Certificate2 Issue(string usage, X509Extension? names, DateTimeOffset? notAfter = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Leaf", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], critical: false));
        if (names is not null)
            request.CertificateExtensions.Add(names);
        return Sign(request, key, notAfter ?? End);
    }

    private static CertificateRequest AuthorityRequest(string name, ECDsa key)
    {
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(
            certificateAuthority: true, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        return request;
    }

    private X509Certificate2 Sign(CertificateRequest request, ECDsa key, DateTimeOffset notAfter)
    {
        using var signed = request.Create(Certificate, Begin, notAfter, RandomNumberGenerator.GetBytes(8));
        return signed.CopyWithPrivateKey(key);
    }
}
