using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Security.Tls;

/// <summary>
/// The server's certificate and the authorities that it trusts, valid and immutable. It is never disposed, because a handshake may still
/// use credentials that were replaced.
/// </summary>
internal sealed class TlsCredentials
{
    private const string PemBegin = "-----BEGIN CERTIFICATE-----";

    private TlsCredentials(X509Certificate2 leaf, X509Certificate2Collection intermediates, X509Certificate2Collection authorities)
    {
        Leaf = leaf;
        // Offline, so that missing intermediates are not downloaded.
        Chain = SslStreamCertificateContext.Create(leaf, intermediates, offline: true);
        Authorities = authorities;
    }

    /// <summary>The server's certificate.</summary>
    public X509Certificate2 Leaf { get; }

    /// <summary>The certificate with its key, and the intermediates that are sent with it.</summary>
    public SslStreamCertificateContext Chain { get; }

    /// <summary>The authorities of client certificates; empty when the server does not request any.</summary>
    public X509Certificate2Collection Authorities { get; }

    /// <summary>The SHA-256 of the certificate, in hex.</summary>
    public string Thumbprint => Leaf.GetCertHashString(HashAlgorithmName.SHA256);

    /// <summary>When the certificate expires.</summary>
    public DateTimeOffset NotAfter => Leaf.NotAfter;

    /// <summary>Parses the contents of the files.</summary>
    /// <exception cref="SettingsException">A certificate is missing or truncated, or the key does not match.</exception>
    public static TlsCredentials Load(TlsText text, ServerSettings settings)
    {
        var certificates = ReadCertificates(text.Certificate);
        if (certificates.Count == 0)
        {
            throw SettingsException.For(
                nameof(settings.TlsCertificate),
            settings.TlsCertificate,
            "does not contain complete PEM certificates. Put the server's own certificate first, followed by its intermediates");
        }
        var authorities = text.Authorities is null ? [] : ReadCertificates(text.Authorities);
        // A chain ends at a root. Without a root, the server would reject every client, and only the clients would notice.
        if (text.Authorities is not null && !authorities.Any(IsRoot))
        {
            throw SettingsException.For(
                nameof(settings.ClientCertificateAuthorities),
                settings.ClientCertificateAuthorities,
                "does not contain complete PEM certificates with a self-signed root. Add the root certificate");
        }
        return new TlsCredentials(WithKey(text, settings), [.. certificates.Skip(1)], authorities);
    }

    private static X509Certificate2 WithKey(TlsText text, ServerSettings settings)
    {
        try
        {
            var leaf = X509Certificate2.CreateFromPem(text.Certificate, text.Key);
            // TLS on Windows does not accept a key that exists in memory only.
            return OperatingSystem.IsWindows()
                ? X509CertificateLoader.LoadPkcs12(leaf.Export(X509ContentType.Pkcs12), password: null)
                : leaf;
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException)
        {
            throw SettingsException.For(
                nameof(settings.TlsKey),
                settings.TlsKey,
                "is not the unencrypted PEM private key of the first certificate of "
                    + $"{ServerSettings.Section}:{nameof(settings.TlsCertificate)}. Supply the matching key");
        }
    }

    // Returns no certificates if any is truncated: the import skips truncated certificates.
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

    private static bool IsRoot(X509Certificate2 certificate) =>
        certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData);
}
