using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace GrpcPresence.Compat.Tests;

internal static class SelfSignedCertificate
{
    /// <summary>A new certificate for a server on this machine, valid for a day.</summary>
    public static X509Certificate2 ForLoopback()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var now = DateTimeOffset.UtcNow;
        return request.CreateSelfSigned(now.AddHours(-1), now.AddDays(1));
    }

    /// <summary>A handler that accepts this certificate and no other.</summary>
    public static SocketsHttpHandler HandlerThatTrusts(X509Certificate2 certificate) => new()
    {
        SslOptions =
        {
            RemoteCertificateValidationCallback = (_, presented, _, _) =>
                presented?.GetCertHashString() == certificate.GetCertHashString(),
        },
    };
}
