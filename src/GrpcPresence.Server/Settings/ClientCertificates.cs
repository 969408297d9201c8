namespace GrpcPresence.Server.Settings;

/// <summary>Whether clients must present a certificate when they connect.</summary>
internal enum ClientCertificates
{
    /// <summary>The server does not request a certificate.</summary>
    None,

    /// <summary>The server requests a certificate. A client may present none; the server rejects an invalid one.</summary>
    Optional,

    /// <summary>The server rejects connections without a valid certificate.</summary>
    Required,
}
