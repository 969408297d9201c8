namespace GrpcPresence.Cluster;

/// <summary>
/// The PEM files of the connections between nodes. Both ends show their certificate. The files are read again for each connection, so that
/// a renewed certificate needs no restart.
/// </summary>
public sealed record ClusterTlsOptions
{
    /// <summary>
    /// The file with the certificate of this node, followed by its intermediates. Its extended key usage must name server authentication.
    /// </summary>
    public required string CertificateFile { get; init; }

    /// <summary>The file with the unencrypted private key of the certificate.</summary>
    public required string KeyFile { get; init; }

    /// <summary>The file with the roots that issue the certificates of nodes.</summary>
    public required string AuthoritiesFile { get; init; }

    /// <summary>
    /// The DNS name that the certificate of every node has. If null, another node must have one of the DNS names of this node's
    /// certificate, and names without a dot or with a wildcard do not count. The roots may also issue certificates of clients, which must
    /// not pass for nodes.
    /// </summary>
    public string? PeerName { get; init; }
}
