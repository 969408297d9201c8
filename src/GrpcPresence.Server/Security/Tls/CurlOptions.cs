using System.Security.Cryptography.X509Certificates;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Security.Tls;

/// <summary>What <c>buf curl</c> must be told to connect.</summary>
internal static class CurlOptions
{
    /// <summary>The options without TLS.</summary>
    public const string PriorKnowledge = "--http2-prior-knowledge";

    /// <summary>
    /// The options with TLS. The certificate vouches for itself, so that it does not matter whether this machine knows its authority; and it need not be
    /// one for the address that the server listens on. Client certificates are the reader's to name.
    /// </summary>
    public static string For(ServerSettings settings, X509Certificate2 certificate, Uri address)
    {
        var options = $"--cacert '{settings.TlsCertificate}'";
        if (!certificate.MatchesHostname(address.DnsSafeHost))
            options += $" --servername {NameOf(certificate)}";
        if (settings.ClientCertificates == ClientCertificates.Required)
            options += " --cert CLIENT.pem --key CLIENT.key";
        return options;
    }

    // Any name will do for a wildcard.
    private static string NameOf(X509Certificate2 certificate) =>
        certificate.GetNameInfo(X509NameType.DnsName, forIssuer: false).Replace("*", "presence", StringComparison.Ordinal);
}
