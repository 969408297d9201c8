using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Security.Tls;

/// <summary>
/// Decides which client certificates are good: from one of the authorities and no other, valid now, and for client authentication where they say what
/// for. Whether one was revoked is not asked.
/// </summary>
internal sealed class ClientCertificateCheck(ServerSettings settings, TimeProvider time, ILogger<ClientCertificateCheck> logger)
{
    /// <summary>id-kp-clientAuth of RFC 5280.</summary>
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    /// <summary>Has a handshake ask for a certificate and check it.</summary>
    public void Demand(SslServerAuthenticationOptions options, X509Certificate2Collection authorities)
    {
        // Asks; what happens without one is the check's matter.
        options.ClientCertificateRequired = true;
        options.CertificateChainPolicy = NewPolicy(authorities);
        options.RemoteCertificateValidationCallback = (_, certificate, chain, errors) => IsGood(certificate, chain, errors);
        // A ticket would take a client past the question, with the certificate that it once had.
        options.AllowTlsResume = false;
    }

    private X509ChainPolicy NewPolicy(X509Certificate2Collection authorities)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            // A certificate can name places to load its issuer from: nobody who connects may send this server anywhere.
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
        Log.ClientCertificateRefused(logger, reason);
        return false;
    }
}
