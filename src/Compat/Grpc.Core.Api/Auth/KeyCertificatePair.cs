namespace Grpc.Core;

/// <summary>A certificate with its private key, both in PEM.</summary>
public sealed class KeyCertificatePair
{
    /// <summary>A pair.</summary>
    /// <param name="certificateChain">The certificate, and those that lead to its root.</param>
    /// <param name="privateKey">The certificate's key.</param>
    public KeyCertificatePair(string certificateChain, string privateKey)
    {
        ArgumentNullException.ThrowIfNull(certificateChain);
        ArgumentNullException.ThrowIfNull(privateKey);
        CertificateChain = certificateChain;
        PrivateKey = privateKey;
    }

    /// <summary>The certificate, and those that lead to its root.</summary>
    public string CertificateChain { get; }

    /// <summary>The certificate's key.</summary>
    public string PrivateKey { get; }
}
