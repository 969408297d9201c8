using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Creates the HTTP handler of webhooks, which follows no instruction of an endpoint: no redirect, cookie or certificate download.
/// </summary>
internal static class WebhookHandler
{
    private const int ResponseHeadersKilobytes = 16;

    // The handler reads the rest of a response up to this size to reuse the connection. It closes the connection when the rest is larger.
    private const int DrainedBytes = 64 * 1024;

    // How long the handler reads the rest of a response. An endpoint that sends it slowly occupies a connection for that long.
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(1);

    // How long an idle connection is kept: an endpoint with events every few seconds needs few handshakes.
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(15);

    // A connection keeps the address that the host had at its start. This limit bounds how long an endpoint that moved is missed.
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(5);

    /// <summary>Creates a handler that connects with the callback.</summary>
    public static SocketsHttpHandler New(Func<SocketsHttpConnectionContext, CancellationToken, ValueTask<Stream>> connect) => new()
    {
        ConnectCallback = connect,
        ConnectTimeout = WebhookClient.TimeLimit,
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        Credentials = null,
        AutomaticDecompression = System.Net.DecompressionMethods.None,
        MaxResponseHeadersLength = ResponseHeadersKilobytes,
        MaxResponseDrainSize = DrainedBytes,
        ResponseDrainTimeout = DrainTime,
        PooledConnectionIdleTimeout = IdleTime,
        PooledConnectionLifetime = ConnectionLifetime,
        ActivityHeadersPropagator = null,
        SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = NewChainPolicy() },
    };

    /// <summary>
    /// Creates a policy that requires an endpoint to send its whole certificate chain. By default .NET downloads missing certificates from
    /// the URL that the certificate names, without the address policy. The author of a certificate could then choose what this server
    /// calls. Revocation lists have the same problem.
    /// </summary>
    private static X509ChainPolicy NewChainPolicy() =>
        new() { DisableCertificateDownloads = true, RevocationMode = X509RevocationMode.NoCheck };
}
