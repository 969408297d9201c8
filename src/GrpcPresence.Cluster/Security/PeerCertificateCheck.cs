using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Cluster.Security;

/// <summary>
/// Decides which certificates are those of nodes: they are issued by one of the roots, valid now, say that they are for servers, and have a
/// DNS name of nodes. The roots may also issue certificates of clients, some of which are for servers too. Only the DNS name tells these
/// from nodes. Revocation is not checked.
/// </summary>
internal sealed partial class PeerCertificateCheck(ClusterTlsOptions options, TimeProvider time, ILogger logger)
{
    /// <summary>The OID id-kp-serverAuth of RFC 5280.</summary>
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <summary>Whether a certificate is that of a node.</summary>
    /// <param name="certificate">The certificate.</param>
    /// <param name="received">The chain of the handshake, which has the intermediates that the other end sent.</param>
    /// <param name="own">The credentials of this node.</param>
    public bool IsPeer(X509Certificate2 certificate, X509Chain? received, PeerCredentials own)
    {
        var reason = FindProblem(certificate, received, own);
        if (reason is not null)
            LogRejected(reason);
        return reason is null;
    }

    /// <summary>
    /// Returns the DNS names by which nodes recognize each other: those with a dot and without a wildcard. Certificates of many programs
    /// have localhost or another single label.
    /// </summary>
    public static IReadOnlyList<string> NamesOf(X509Certificate2 certificate) =>
    [
        .. certificate.Extensions
            .OfType<X509SubjectAlternativeNameExtension>()
            .SelectMany(extension => extension.EnumerateDnsNames())
            .Where(name => name.TrimEnd('.').Contains('.', StringComparison.Ordinal) && !name.Contains('*', StringComparison.Ordinal)),
    ];

    /// <summary>
    /// Whether a certificate says that it is for servers. A certificate without an extended key usage is valid for everything, and so are
    /// those of clients by many authorities.
    /// </summary>
    public static bool IsForServers(X509Certificate2 certificate) => certificate.Extensions
        .OfType<X509EnhancedKeyUsageExtension>()
        .Any(extension => extension.EnhancedKeyUsages.Cast<Oid>().Any(usage => usage.Value == ServerAuthentication));

    private string? FindProblem(X509Certificate2 certificate, X509Chain? received, PeerCredentials own)
    {
        if (!IsForServers(certificate))
            return "its extended key usage does not name server authentication";
        using var chain = new X509Chain
        {
            ChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                // A certificate can name URLs from which to load its issuer. A stranger must not make the node send requests.
                DisableCertificateDownloads = true,
                VerificationTime = time.GetUtcNow().LocalDateTime,
            },
        };
        chain.ChainPolicy.CustomTrustStore.AddRange(own.Authorities);
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        if (received is not null)
            chain.ChainPolicy.ExtraStore.AddRange(received.ChainPolicy.ExtraStore);
        if (!chain.Build(certificate))
            return string.Join(", ", chain.ChainStatus.Select(status => $"{status.Status}"));
        var isNamed = options.PeerName is { } name
            ? certificate.MatchesHostname(name, allowCommonName: false)
            : NamesOf(certificate).Intersect(NamesOf(own.Leaf), StringComparer.OrdinalIgnoreCase).Any();
        return isNamed ? null : "it has no DNS name of nodes";
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Rejected the certificate of another node: {Reason}")]
    private partial void LogRejected(string reason);
}
