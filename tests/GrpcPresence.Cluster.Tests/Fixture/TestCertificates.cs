using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using GrpcPresence.Testing;

namespace GrpcPresence.Cluster.Tests.Fixture;

/// <summary>An authority, and the files of certificates that it issues.</summary>
internal sealed class TestCertificates : IDisposable
{
    public const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    public const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    /// <summary>The DNS name of nodes.</summary>
    public const string Name = "presence.example.org";

    private readonly TemporaryDirectory _directory = new();
    private readonly X509Certificate2 _root;
    private int _files;

    public TestCertificates()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=root", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _root = request.CreateSelfSigned(DateTimeOffset.UnixEpoch.AddYears(50), DateTimeOffset.UnixEpoch.AddYears(200));
        AuthoritiesFile = Write(_root.ExportCertificatePem());
    }

    /// <summary>The file of the root.</summary>
    public string AuthoritiesFile { get; }

    /// <summary>Issues a certificate for a node.</summary>
    /// <param name="purpose">The extended key usage; null for a certificate without that extension.</param>
    /// <param name="names">The DNS names.</param>
    public ClusterTlsOptions Issue(string? purpose = ServerAuthentication, params string[] names)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = Issue(key, purpose, names.Length == 0 ? [Name] : names);
        return new ClusterTlsOptions
        {
            CertificateFile = Write(certificate.ExportCertificatePem()),
            KeyFile = Write(key.ExportPkcs8PrivateKeyPem()),
            AuthoritiesFile = AuthoritiesFile,
        };
    }

    /// <summary>Writes a file.</summary>
    public string Write(string text)
    {
        var file = _directory.File($"{++_files}.pem");
        File.WriteAllText(file, text);
        return file;
    }

    public void Dispose()
    {
        _root.Dispose();
        _directory.Dispose();
    }

    private X509Certificate2 Issue(ECDsa key, string? purpose, string[] names)
    {
        var request = new CertificateRequest("CN=node", key, HashAlgorithmName.SHA256);
        if (purpose is not null)
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], critical: false));
        if (names is not [""])
        {
            var alternatives = new SubjectAlternativeNameBuilder();
            foreach (var name in names)
                alternatives.AddDnsName(name);
            request.CertificateExtensions.Add(alternatives.Build());
        }
        return request.Create(_root, _root.NotBefore, _root.NotAfter, RandomNumberGenerator.GetBytes(8));
    }
}
