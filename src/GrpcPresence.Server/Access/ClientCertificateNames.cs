namespace GrpcPresence.Server.Access;

/// <summary>The names of the client certificate of a connection.</summary>
internal static class ClientCertificateNames
{
    /// <summary>None: there is no TLS yet.</summary>
    public static IReadOnlyList<string> Of(HttpContext context) => [];
}
