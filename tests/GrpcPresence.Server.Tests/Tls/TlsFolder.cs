using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using GrpcPresence.Server.Settings;
using GrpcPresence.Testing;

namespace GrpcPresence.Server.Tests.Tls;

/// <summary>The TLS files of one server, and the settings that name them.</summary>
internal sealed class TlsFolder : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public string Certificate => _directory.File("tls.pem");

    public string Key => _directory.File("tls.key");

    public string Authorities => _directory.File("clients.pem");

    public ServerSettings Settings => new() { TlsCertificate = Certificate, TlsKey = Key };

    /// <summary>The settings of a server that requests client certificates.</summary>
    public ServerSettings SettingsWith(ClientCertificates clients) =>
        Settings with { ClientCertificates = clients, ClientCertificateAuthorities = Authorities };

    public void Write(X509Certificate2 leaf, params X509Certificate2[] intermediates)
    {
        WriteKey(leaf);
        File.WriteAllText(Certificate, Pem([leaf, .. intermediates]));
    }

    public void WriteKey(X509Certificate2 leaf)
    {
        using var key = leaf.GetECDsaPrivateKey()!;
        File.WriteAllText(Key, key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>Writes the matching key, encrypted with a password.</summary>
    public void EncryptKey(X509Certificate2 leaf)
    {
        using var key = leaf.GetECDsaPrivateKey()!;
        var encryption = new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, iterationCount: 1);
        File.WriteAllText(Key, key.ExportEncryptedPkcs8PrivateKeyPem("secret", encryption));
    }

    public void WriteAuthorities(params X509Certificate2[] authorities) => File.WriteAllText(Authorities, Pem(authorities));

    /// <summary>Truncates a file, as an unfinished copy does.</summary>
    public static void CutOff(string path) => File.WriteAllText(path, File.ReadAllText(path)[..^40]);

    public void Dispose() => _directory.Dispose();

    private static string Pem(IEnumerable<X509Certificate2> certificates) =>
        string.Concat(certificates.Select(certificate => certificate.ExportCertificatePem() + "\n"));
}
