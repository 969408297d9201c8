using System.Net.Security;
using Microsoft.Extensions.Logging;
using Orleans.Connections.Security;

namespace GrpcPresence.Cluster.Security;

/// <summary>
/// TLS of the connections between nodes, both of which show a certificate. It reads the files for each connection, of which there are a few
/// for each node, and keeps the last valid ones.
/// </summary>
internal sealed partial class PeerTls
{
    private readonly ClusterTlsOptions _options;
    private readonly PeerCertificateCheck _check;
    private readonly ILogger _logger;
    private volatile PeerCredentials _current;

    /// <exception cref="ClusterTransportException">A file is invalid.</exception>
    public PeerTls(ClusterTlsOptions options, TimeProvider time, ILogger logger)
    {
        (_options, _logger) = (options, logger);
        _current = PeerCredentials.Load(options);
        _check = new PeerCertificateCheck(options, time, logger);
    }

    /// <summary>Sets the options of Orleans.</summary>
    public void Configure(TlsOptions options)
    {
        // Orleans wants a certificate here and would send no intermediates with it. The two methods below replace it.
        options.LocalCertificate = _current.Leaf;
        options.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
        options.ClientCertificateMode = RemoteCertificateMode.NoCertificate;
        options.RemoteCertificateValidation = (certificate, chain, _) => _check.IsPeer(certificate, chain, _current);
        options.HandshakeTimeout = TimeSpan.FromSeconds(5);
        options.OnAuthenticateAsServer = (_, server) =>
        {
            var credentials = Reload();
            var it = (SslServerAuthenticationOptions)server.SslServerAuthenticationOptions;
            it.ServerCertificateSelectionCallback = null;
            it.ServerCertificate = null;
            it.ServerCertificateContext = credentials.Chain;
            it.ClientCertificateRequired = true;
            // Resuming a session would skip the check.
            it.AllowTlsResume = false;
        };
        options.OnAuthenticateAsClient = (_, client) =>
        {
            var credentials = Reload();
            var it = (SslClientAuthenticationOptions)client.SslClientAuthenticationOptions;
            it.ClientCertificateContext = credentials.Chain;
            it.TargetHost = credentials.Name;
            it.AllowTlsResume = false;
        };
    }

    private PeerCredentials Reload()
    {
        try
        {
            return _current = PeerCredentials.Load(_options);
        }
        catch (ClusterTransportException exception)
        {
            // Files that are being replaced. The next connection sees the new ones.
            LogNotReloaded(exception.Message);
            return _current;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Keeping the certificate of the node: {Reason}")]
    private partial void LogNotReloaded(string reason);
}
