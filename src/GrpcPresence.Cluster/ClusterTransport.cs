using System.Net;
using System.Net.Sockets;
using GrpcPresence.Cluster.Channel;
using GrpcPresence.Cluster.Hosting;
using GrpcPresence.Cluster.Membership;
using GrpcPresence.Cluster.Security;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Cluster;

/// <summary>
/// A node's connection to the others of its cluster, by Orleans: says which nodes are alive, and carries messages between them. The owner
/// attaches handlers, then starts it once and stops it once.
/// </summary>
/// <remarks>A process that does not call <see cref="CreateAsync"/> loads no assembly of Orleans.</remarks>
public sealed class ClusterTransport : IAsyncDisposable
{
    /// <summary>How long a stop goes on after its cancellation. Orleans tells the database that the node is gone.</summary>
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(1);

    private readonly ClusterTransportOptions _options;
    private readonly MembershipDatabase _database;
    private readonly TransportState _state;
    private readonly MembershipView _view;
    private readonly NodeChannel _channel;
    private readonly IHost _host;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new(); // guards _stop
    private Task _views = Task.CompletedTask;
    private Task? _stop;
    private int _isEnded; // whether Ended was raised, or must not be raised any more

    private ClusterTransport(
        ClusterTransportOptions options, MembershipDatabase database, PeerTls? tls, int incarnation, ILoggerFactory loggerFactory)
    {
        (_options, _database) = (options, database);
        _state = new TransportState(loggerFactory.CreateLogger<ClusterTransport>());
        var identity = new SiloIdentity(options.ClusterId, options.AdvertisedAddress, incarnation);
        _view = new MembershipView(
            MembershipView.NodeOf(identity.SiloAddress), silo => _host!.Services.GetRequiredService<NodeServiceClient>().Find(silo));
        _channel = new NodeChannel(_view, _state, options.Time);
        var inbox = new NodeInbox(_view.Self, _state, (from, message) => MessageReceived?.Invoke(from, message));
        _host = SiloHost.Build(
            options, identity, database, inbox, tls, new FatalErrorReporter(End), new SiloLoggerFactory(loggerFactory));
    }

    /// <summary>
    /// The newest view, and the identity of this node, which is known before the start. Before the node has joined, the view is empty and
    /// its number is <see cref="long.MinValue"/>.
    /// </summary>
    public IClusterView View => _view;

    /// <summary>Sends messages to nodes of the view. A message to any other node is dropped.</summary>
    public INodeChannel Channel => _channel;

    /// <summary>
    /// A message has arrived: its sender, and the message. Called from several threads. The handler must return soon and must not block: it
    /// delays the other messages. An exception is logged and counted, and the message is lost.
    /// </summary>
    public event Action<NodeId, NodeMessage>? MessageReceived;

    /// <summary>
    /// There is a new view, which <see cref="View"/> shows already. Called by one thread at a time, in the order of the views.
    /// </summary>
    public event Action<ClusterView>? ViewChanged;

    /// <summary>
    /// The others have declared this run dead, or its membership failed. It sends and receives nothing any more. Called at most once, and
    /// not for a stop of the owner. The owner must end the process, or dispose of the transport.
    /// </summary>
    public event Action<ClusterTransportEnd>? Ended;

    /// <summary>Checks the options, and takes an incarnation that is greater than that of every earlier run at the address.</summary>
    /// <exception cref="ClusterTransportException">
    /// An option is invalid, a file of TLS is, the address cannot be listened on, the database does not answer, or it lacks the tables of
    /// the membership.
    /// </exception>
    public static async Task<ClusterTransport> CreateAsync(
        ClusterTransportOptions options, ILoggerFactory loggerFactory, CancellationToken cancellationToken)
    {
        CheckAddress(options.AdvertisedAddress, options.Tls);
        CheckAddress(options.ListenAddress ?? options.AdvertisedAddress, options.Tls);
        if (options.AdvertisedAddress.Address.Equals(IPAddress.Any) || options.AdvertisedAddress.Address.Equals(IPAddress.IPv6Any))
        {
            throw new ClusterTransportException(
                $"The other nodes cannot reach this one at {options.AdvertisedAddress}. Give the address of this machine.");
        }
        var tls = options.Tls is { } files ? new PeerTls(files, options.Time, loggerFactory.CreateLogger<PeerTls>()) : null;
        CheckListening(options.ListenAddress ?? options.AdvertisedAddress);
        var database = await MembershipDatabase.OpenAsync(options.ConnectionString, cancellationToken).ConfigureAwait(false);
        try
        {
            var last = await database.ReadLastIncarnationAsync(options.ClusterId, options.AdvertisedAddress, cancellationToken)
                .ConfigureAwait(false);
            return new ClusterTransport(options, database, tls, SiloIdentity.NextGeneration(last, options.Time), loggerFactory);
        }
        catch
        {
            await database.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Joins the cluster. When it returns, <see cref="View"/> shows this node.</summary>
    /// <exception cref="ClusterTransportException">
    /// The database does not answer, or within a minute another node cannot be reached and is not declared dead either.
    /// </exception>
    /// <exception cref="OperationCanceledException">
    /// The token was cancelled first. The owner must stop or dispose of the transport.
    /// </exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var membership = _host.Services.GetRequiredService<IClusterMembershipService>();
        _views = Task.Run(() => FollowAsync(membership), CancellationToken.None);
        try
        {
            // Orleans waits up to a minute for a database or a node that does not answer, whatever the token says.
            var start = Task.Run(() => _host.StartAsync(cancellationToken), CancellationToken.None);
            await start.WaitAsync(cancellationToken).ConfigureAwait(false);
            await _view.Joined.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (cancellationToken.IsCancellationRequested)
        {
            // Orleans has an exception of its own for a cancellation.
            throw new OperationCanceledException("The start was cancelled.", exception, cancellationToken);
        }
        catch (Exception exception)
        {
            throw new ClusterTransportException(
                $"Node {_options.AdvertisedAddress} cannot join cluster '{_options.ClusterId}': {exception.GetBaseException().Message}",
                exception)
            {
                Problem = ClusterTransportProblem.Away,
            };
        }
    }

    /// <summary>
    /// Leaves the cluster. The others see that at once. After the cancellation it ends within about a second, and the others may see it
    /// late. Only the first call counts: later ones return its task. Safe from any thread.
    /// </summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        Volatile.Write(ref _isEnded, 1);
        lock (_gate)
            return _stop ??= StopOnceAsync(cancellationToken);
    }

    /// <summary>Returns what was sent, received and dropped since the creation.</summary>
    public ClusterTransportCounters ReadCounters() => _state.Counters.Read();

    /// <summary>Ends within about a second, unless <see cref="StopAsync"/> has returned.</summary>
    public async ValueTask DisposeAsync()
    {
        _state.End();
        await StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task StopOnceAsync(CancellationToken cancellationToken)
    {
        var stop = Task.Run(() => _host.StopAsync(cancellationToken), CancellationToken.None);
        // Orleans waits up to a minute for a database that does not answer.
        using var cancelled = new CancellationTokenSource();
        await using (cancellationToken.UnsafeRegister(_ => cancelled.CancelAfter(StopGrace), null))
            await Task.WhenAny(stop, Task.Delay(Timeout.InfiniteTimeSpan, _options.Time, cancelled.Token)).ConfigureAwait(false);
        _state.End();
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _views.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _ = ReleaseAsync(stop);
        if (stop.IsCompleted)
            await stop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    // What still uses the host and the database must not find them disposed of.
    private async Task ReleaseAsync(Task stop)
    {
        await stop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _host.Dispose();
        await _database.DisposeAsync().ConfigureAwait(false);
    }

    private async Task FollowAsync(IClusterMembershipService membership)
    {
        try
        {
            await foreach (var snapshot in membership.MembershipUpdates.WithCancellation(_stopping.Token).ConfigureAwait(false))
            {
                if (_view.Update(snapshot) is { } view)
                    ViewChanged?.Invoke(view);
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
        }
        catch (Exception exception)
        {
            // Such as an exception of a handler: it has missed a view, and would go on with an old one.
            End("The views cannot be followed.", exception);
        }
    }

    private void End(string reason, Exception? exception)
    {
        if (Interlocked.Exchange(ref _isEnded, 1) != 0)
            return;
        _state.End();
        // On the thread pool, because the owner may start tasks, and this may be a thread of the scheduler of Orleans.
        ThreadPool.UnsafeQueueUserWorkItem(
            static end => end.Transport.Ended?.Invoke(end.Event),
            (Transport: this, Event: new ClusterTransportEnd(reason, exception)),
            preferLocal: false);
    }

    // Orleans would log several errors with their stacks, and only when the node joins.
    private static void CheckListening(IPEndPoint address)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(address);
        }
        catch (SocketException exception)
        {
            throw new ClusterTransportException($"The node cannot listen on {address}: {exception.Message}", exception)
            {
                Problem = ClusterTransportProblem.Address,
            };
        }
    }

    private static void CheckAddress(IPEndPoint address, ClusterTlsOptions? tls)
    {
        if (address.Port == 0)
            throw new ClusterTransportException($"The address {address} of the node has no port. Give the port that the other nodes use.");
        if (tls is null && !IPAddress.IsLoopback(address.Address))
        {
            throw new ClusterTransportException(
                $"Without TLS, a node listens for others on loopback addresses only, and {address} is not one. "
                    + "Give the certificate, the key and the authorities of the nodes.");
        }
    }
}
