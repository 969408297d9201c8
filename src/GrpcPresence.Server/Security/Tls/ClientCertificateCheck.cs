using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Security.Tls;

/// <summary>
/// Decides which client certificates are valid: they must be issued by one of the configured authorities, be within their validity period,
/// and allow client authentication if they restrict their purpose. Revocation is not checked.
/// </summary>
internal sealed class ClientCertificateCheck(ServerSettings settings, TimeProvider time, ILogger<ClientCertificateCheck> logger)
{
    /// <summary>The OID id-kp-clientAuth of RFC 5280.</summary>
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    /// <summary>Makes a handshake request a certificate and check it.</summary>
    public void Demand(SslServerAuthenticationOptions options, X509Certificate2Collection authorities)
    {
        // This only requests a certificate. The check decides whether a client may connect without one.
        options.ClientCertificateRequired = true;
        options.CertificateChainPolicy = NewPolicy(authorities);
        options.RemoteCertificateValidationCallback = (_, certificate, chain, errors) => IsGood(certificate, chain, errors);
        // Resuming a session would skip the check and keep using the certificate of the earlier connection.
        options.AllowTlsResume = false;
    }

    private X509ChainPolicy NewPolicy(X509Certificate2Collection authorities)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            // A certificate can name URLs from which to load its issuer. A client must not be able to make the server send requests.
            DisableCertificateDownloads = true,
            VerificationTime = time.GetUtcNow().LocalDateTime,
        };
        policy.CustomTrustStore.AddRange(authorities);
        policy.ApplicationPolicy.Add(new Oid(ClientAuthentication));
        return policy;
    }

    private bool IsGood(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null && settings.ClientCertificates == ClientCertificates.Optional)
            return true;
        if (errors == SslPolicyErrors.None)
            return true;
        var reason = string.Join(", ", chain?.ChainStatus.Select(status => $"{status.Status}") ?? [$"{errors}"]);
        Log.ClientCertificateRejected(logger, reason);
        return false;
    }
}
