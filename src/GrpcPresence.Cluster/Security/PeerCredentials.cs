using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace GrpcPresence.Cluster.Security;

/// <summary>
/// The certificate of the node and the roots that it trusts. Immutable. Never disposed of, because a handshake may still use what was
/// replaced.
/// </summary>
internal sealed class PeerCredentials
{
    private const string PemBegin = "-----BEGIN CERTIFICATE-----";

    private PeerCredentials(
        X509Certificate2 leaf, X509Certificate2Collection intermediates, X509Certificate2Collection authorities, string name)
    {
        (Leaf, Authorities, Name) = (leaf, authorities, name);
        // Offline, so that missing intermediates are not downloaded.
        Chain = SslStreamCertificateContext.Create(leaf, intermediates, offline: true);
    }

    /// <summary>The certificate of the node with its key.</summary>
    public X509Certificate2 Leaf { get; }

    /// <summary>The certificate, and the intermediates that are sent with it.</summary>
    public SslStreamCertificateContext Chain { get; }

    /// <summary>The roots that issue the certificates of nodes.</summary>
    public X509Certificate2Collection Authorities { get; }

    /// <summary>A DNS name that certificates of nodes have.</summary>
    public string Name { get; }

    /// <summary>Reads the files.</summary>
    /// <exception cref="ClusterTransportException">A file cannot be read or does not contain what it should.</exception>
    public static PeerCredentials Load(ClusterTlsOptions options)
    {
        var text = Read(options.CertificateFile);
        var certificates = Parse(text);
        if (certificates.Count == 0)
        {
            throw new ClusterTransportException(
                $"'{options.CertificateFile}' does not contain complete PEM certificates. Put the certificate of the node first.");
        }
        var authorities = Parse(Read(options.AuthoritiesFile));
        if (!authorities.Any(authority => authority.SubjectName.RawData.AsSpan().SequenceEqual(authority.IssuerName.RawData)))
        {
            throw new ClusterTransportException(
                $"'{options.AuthoritiesFile}' does not contain complete PEM certificates with a self-signed root. Add the root.");
        }
        var leaf = WithKey(text, options);
        var names = PeerCertificateCheck.NamesOf(leaf);
        if (options.PeerName is { } required && !leaf.MatchesHostname(required, allowCommonName: false))
        {
            throw new ClusterTransportException(
                $"'{options.CertificateFile}' lacks the DNS name '{required}', so the other nodes would reject it. Add the name.");
        }
        if (options.PeerName is null && names.Count == 0)
        {
            throw new ClusterTransportException(
                $"'{options.CertificateFile}' has no DNS name by which nodes recognize each other. Add one that all nodes have, with a dot "
                    + "and without a wildcard, such as presence.example.org.");
        }
        if (!PeerCertificateCheck.IsForServers(leaf))
        {
            throw new ClusterTransportException(
                $"'{options.CertificateFile}' has no extended key usage for server authentication, so the other nodes would reject it. "
                    + "Add serverAuth.");
        }
        return new PeerCredentials(leaf, [.. certificates.Skip(1)], authorities, options.PeerName ?? names[0]);
    }

    private static X509Certificate2 WithKey(string text, ClusterTlsOptions options)
    {
        var key = Read(options.KeyFile);
        try
        {
            return X509Certificate2.CreateFromPem(text, key);
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException)
        {
            throw new ClusterTransportException(
                $"'{options.KeyFile}' is not the unencrypted PEM private key of the first certificate of '{options.CertificateFile}'. "
                    + "Give the matching key.");
        }
    }

    // None if any is truncated: the import would skip it.
    private static X509Certificate2Collection Parse(string pem)
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

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ClusterTransportException(
                $"'{path}' cannot be read. Check that the file exists and that the server's user may read it.", exception);
        }
    }
}
