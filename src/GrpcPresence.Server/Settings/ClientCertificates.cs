namespace GrpcPresence.Server.Settings;

/// <summary>Whether clients have to show a certificate when they connect.</summary>
internal enum ClientCertificates
{
    /// <summary>They are not asked for one.</summary>
    None,

    /// <summary>They are asked for one; who shows one must show a good one.</summary>
    Optional,

    /// <summary>Who shows none is not connected.</summary>
    Required,
}
