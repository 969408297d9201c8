using System.Security.Cryptography.X509Certificates;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Security.Tls;

/// <summary>The options that <c>buf curl</c> needs to connect.</summary>
internal static class CurlOptions
{
    /// <summary>The options without TLS.</summary>
    public const string PriorKnowledge = "--http2-prior-knowledge";

    /// <summary>
    /// Returns the options with TLS. The certificate itself is the trust anchor, so this machine need not trust its authority. The
    /// certificate need not name the listener's address either. Users must supply their own client certificate.
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

    // A wildcard matches any name.
    private static string NameOf(X509Certificate2 certificate) =>
        certificate.GetNameInfo(X509NameType.DnsName, forIssuer: false).Replace("*", "presence", StringComparison.Ordinal);
}
