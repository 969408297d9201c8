using System.Net.Security;
using System.Security.Authentication;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Security.Tls;

/// <summary>Configures TLS handshakes. Each handshake uses the credentials that are current when it begins.</summary>
internal sealed class TlsHandshakes(TlsFiles files, ClientCertificateCheck clients, ServerSettings settings)
{
    /// <summary>Returns the options of one handshake.</summary>
    public SslServerAuthenticationOptions NewOptions()
    {
        var credentials = files.Current;
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = credentials.Chain,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
        };
        if (settings.ClientCertificates != ClientCertificates.None)
            clients.Demand(options, credentials.Authorities);
        return options;
    }
}
