using GrpcPresence.Cluster;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Composition.Cluster;

/// <summary>
/// The connection to the other nodes. Starts before the loop of the node, and stops after the node has left. What it receives comes from
/// nodes that have proved who they are: their certificates, or that they are on this machine.
/// </summary>
internal sealed class NodeTransport : IHostedService, IDisposable, IAsyncDisposable
{
    private readonly ClusterTransport _transport;
    private readonly Lazy<ClusterNode> _node;
    private readonly ServerFault _fault;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly ILogger<NodeTransport> _logger;

    /// <summary>Takes the identity of this run. Requires the open store, which has the tables of the membership.</summary>
    /// <exception cref="SettingsException">A setting, or a file that it names, is invalid.</exception>
    public NodeTransport(
        ServerSettings settings,
        IPresenceStore store,
        IServiceProvider services,
        ServerFault fault,
        IHostApplicationLifetime lifetime,
        ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(store);
        (_fault, _lifetime, _logger) = (fault, lifetime, loggers.CreateLogger<NodeTransport>());
        _node = new Lazy<ClusterNode>(services.GetRequiredService<ClusterNode>); // the node is created with this
        try
        {
            // The container creates services synchronously, as it opens the store.
            _transport = ClusterTransport.CreateAsync(OptionsOf(settings), loggers, CancellationToken.None).GetAwaiter().GetResult();
        }
        catch (ClusterTransportException exception)
        {
            throw new SettingsException(exception.Message);
        }
    }

    /// <summary>The live nodes.</summary>
    public IClusterView View => _transport.View;

    /// <summary>Sends to other nodes.</summary>
    public INodeChannel Channel => _transport.Channel;

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _transport.MessageReceived += _node.Value.Receive;
        _transport.Ended += OnEnded;
        try
        {
            await _transport.StartAsync(cancellationToken);
        }
        catch (ClusterTransportException exception)
        {
            throw new StorageException(exception.Message);
        }
    }

    /// <inheritdoc/>
    /// <remarks>
    /// A node that was cut off would wait for the others or the database until the time to stop is over, and its supervisor would start it
    /// again that much later. Only a node that has left tells the others that it stops.
    /// </remarks>
    public Task StopAsync(CancellationToken cancellationToken) => _transport.StopAsync(
        _node.Value.End?.Reason == NodeEndReason.Left ? cancellationToken : new CancellationToken(canceled: true));

    /// <inheritdoc/>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _transport.DisposeAsync();

    private static ClusterTransportOptions OptionsOf(ServerSettings settings) => new()
    {
        ClusterId = settings.ClusterId,
        AdvertisedAddress = settings.NodeAddress!,
        ConnectionString = settings.Postgres!.ConnectionString,
        Tls = settings is { TlsCertificate: { } certificate, TlsKey: { } key, ClientCertificateAuthorities: { } authorities }
            ? new ClusterTlsOptions { CertificateFile = certificate, KeyFile = key, AuthoritiesFile = authorities }
            : null,
    };

    private void OnEnded(ClusterTransportEnd end)
    {
        NodeLog.Disconnected(_logger, end.Exception, end.Reason);
        _fault.Note();
        _lifetime.StopApplication();
    }
}
