using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace GrpcPresence.Server.Webhooks;

/// <summary>The HTTP handler of webhooks: it does what it is told, and nothing that a receiver asks of it.</summary>
internal static class WebhookHandler
{
    private const int ResponseHeadersKilobytes = 16;

    // What is left of a response is read, so that the connection can be used again, or dropped with the connection when it is more.
    private const int DrainedBytes = 64 * 1024;

    // A connection goes to the addresses that the host had when it was made; a receiver that moved is found after that time.
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(5);

    /// <summary>A handler that connects as the guard allows.</summary>
    public static SocketsHttpHandler New(WebhookAddressPolicy guard) => new()
    {
        ConnectCallback = guard.ConnectAsync,
        ConnectTimeout = WebhookClient.TimeLimit,
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        Credentials = null,
        AutomaticDecompression = System.Net.DecompressionMethods.None,
        MaxResponseHeadersLength = ResponseHeadersKilobytes,
        MaxResponseDrainSize = DrainedBytes,
        PooledConnectionLifetime = ConnectionLifetime,
        ActivityHeadersPropagator = null,
        SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = NewChainPolicy() },
    };

    /// <summary>
    /// A receiver must show its whole chain. By default what is missing is fetched from the URL that the certificate names, past the guard: who makes a
    /// certificate of its own would choose what this server calls. Lists of revoked certificates stand at such URLs too.
    /// </summary>
    private static X509ChainPolicy NewChainPolicy() => new() { DisableCertificateDownloads = true, RevocationMode = X509RevocationMode.NoCheck };
}
