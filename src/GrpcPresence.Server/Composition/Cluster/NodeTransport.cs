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

    /// <summary>
    /// Takes the identity of this run. Requires the open store, which has the tables of the membership. Waits for a database that is away,
    /// until a signal ends it.
    /// </summary>
    /// <exception cref="SettingsException">A setting, or a file that it names, is invalid.</exception>
    /// <exception cref="OperationCanceledException">The process received a signal first.</exception>
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
        var signals = services.GetService<StopSignals>();
        var creating = signals is null
            ? CreateAsync(CancellationToken.None)
            : services.GetRequiredService<StoreStart>().OpenAsync(CreateAsync, $"{settings.Postgres}", signals.Received);
        // The container creates services synchronously, as it opens the store.
        _transport = creating.GetAwaiter().GetResult();

        Task<ClusterTransport> CreateAsync(CancellationToken stop) => NodeTransport.CreateAsync(settings, loggers, stop);
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
        _node.Value.Ended += OnNodeEnded;
        try
        {
            await _transport.StartAsync(cancellationToken);
        }
        catch (ClusterTransportException exception)
        {
            throw new JoinFailedException(exception.Message);
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

    /// <exception cref="StorageException">The database does not answer.</exception>
    /// <exception cref="SettingsException">A setting, or a file that it names, is invalid.</exception>
    private static async Task<ClusterTransport> CreateAsync(ServerSettings settings, ILoggerFactory loggers, CancellationToken stop)
    {
        try
        {
            return await ClusterTransport.CreateAsync(OptionsOf(settings), loggers, stop);
        }
        catch (ClusterTransportException exception) when (exception.Problem == ClusterTransportProblem.Away)
        {
            throw new StorageException(exception.Message);
        }
        catch (ClusterTransportException exception) when (exception.Problem == ClusterTransportProblem.Address)
        {
            throw SettingsException.For(
                nameof(settings.NodeAddress),
                $"{settings.NodeAddress}",
                $"cannot be listened on ({exception.InnerException!.Message}). Choose an address of this machine and a free port");
        }
        catch (ClusterTransportException exception)
        {
            throw new SettingsException(exception.Message);
        }
    }

    private static ClusterTransportOptions OptionsOf(ServerSettings settings) => new()
    {
        ClusterId = settings.ClusterId,
        AdvertisedAddress = settings.NodeAddress!,
        ConnectionString = settings.Postgres!.ConnectionString,
        Tls = settings is { TlsCertificate: { } certificate, TlsKey: { } key, ClientCertificateAuthorities: { } authorities }
            ? new ClusterTlsOptions { CertificateFile = certificate, KeyFile = key, AuthoritiesFile = authorities }
            : null,
    };

    // The others take over the shards of a node that is not in the view any more. The process may have streams to end for seconds.
    private void OnNodeEnded(NodeEnd end)
    {
        if (end.Reason != NodeEndReason.Left)
            _ = Task.Run(() => _transport.StopAsync(new CancellationToken(canceled: true))); // the loop of the node must not wait for it
    }

    private void OnEnded(ClusterTransportEnd end)
    {
        NodeLog.Disconnected(_logger, end.Exception, end.Reason);
        _fault.Note();
        _lifetime.StopApplication();
    }
}
