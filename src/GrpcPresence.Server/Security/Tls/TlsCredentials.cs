using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Security.Tls;

/// <summary>
/// What the server shows and whom it believes, usable and immutable. Nobody disposes of it: a handshake may still use what was replaced.
/// </summary>
internal sealed class TlsCredentials
{
    private const string PemBegin = "-----BEGIN CERTIFICATE-----";

    private TlsCredentials(X509Certificate2 leaf, X509Certificate2Collection intermediates, X509Certificate2Collection authorities)
    {
        Leaf = leaf;
        // Offline: what is not in the file is not looked for in the network either.
        Chain = SslStreamCertificateContext.Create(leaf, intermediates, offline: true);
        Authorities = authorities;
    }

    /// <summary>The server's certificate.</summary>
    public X509Certificate2 Leaf { get; }

    /// <summary>The certificate with its key, and the intermediates that are sent with it.</summary>
    public SslStreamCertificateContext Chain { get; }

    /// <summary>The authorities that client certificates must come from; empty when clients are not asked for any.</summary>
    public X509Certificate2Collection Authorities { get; }

    /// <summary>The SHA-256 of the certificate, in hex.</summary>
    public string Thumbprint => Leaf.GetCertHashString(HashAlgorithmName.SHA256);

    /// <summary>When the certificate ends.</summary>
    public DateTimeOffset NotAfter => Leaf.NotAfter;

    /// <summary>Makes sense of what the files hold.</summary>
    /// <exception cref="SettingsException">It makes none: no certificate, half of one, or a key that does not fit.</exception>
    public static TlsCredentials Load(TlsText text, ServerSettings settings)
    {
        var certificates = ReadCertificates(text.Certificate);
        if (certificates.Count == 0)
        {
            throw SettingsException.For(
                nameof(settings.TlsCertificate), settings.TlsCertificate, "must hold whole certificates in PEM, the server's own first");
        }
        var authorities = text.Authorities is null ? [] : ReadCertificates(text.Authorities);
        // A chain ends at a root; without one, nobody would be believed, and only the clients would learn of it.
        if (text.Authorities is not null && !authorities.Any(IsRoot))
        {
            throw SettingsException.For(
                nameof(settings.ClientCertificateAuthorities),
                settings.ClientCertificateAuthorities,
                "must hold whole certificates in PEM, a root that signed itself among them");
        }
        return new TlsCredentials(WithKey(text, settings), [.. certificates.Skip(1)], authorities);
    }

    private static X509Certificate2 WithKey(TlsText text, ServerSettings settings)
    {
        try
        {
            var leaf = X509Certificate2.CreateFromPem(text.Certificate, text.Key);
            // The TLS of Windows takes no key that is in memory alone.
            return OperatingSystem.IsWindows() ? X509CertificateLoader.LoadPkcs12(leaf.Export(X509ContentType.Pkcs12), password: null) : leaf;
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException)
        {
            throw SettingsException.For(
                nameof(settings.TlsKey),
                settings.TlsKey,
                $"must hold the private key of the first certificate of {ServerSettings.Section}:{nameof(settings.TlsCertificate)} in PEM, not encrypted");
        }
    }

    // None when any of them is not whole: the import passes over one that was cut off.
    private static X509Certificate2Collection ReadCertificates(string pem)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(pem);
        }
        catch (CryptographicException)
        {
            return [];
        }
        return certificates.Count == pem.AsSpan().Count(PemBegin) ? certificates : [];
    }

    private static bool IsRoot(X509Certificate2 certificate) => certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData);
}
