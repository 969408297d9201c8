using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace GrpcPresence.Server.Streams.Connections;

/// <summary>
/// Accepts a connection only when few others wait to be counted. Kestrel accepts as fast as it can, and counts connections on other
/// threads. A burst could take the last file of the process before the first of them is counted and closed. Further clients wait in the
/// system's queue. Safe from any thread.
/// </summary>
internal sealed class AcceptGate(SocketTransportFactory sockets)
    : IConnectionListenerFactory, IConnectionListenerFactorySelector, IDisposable
{
    private const int Uncounted = 4;

    private readonly SemaphoreSlim _places = new(Uncounted);

    /// <summary>Frees the place of each connection once it is counted. To be used by every listener, before everything else.</summary>
    public ConnectionDelegate Count(ConnectionDelegate next) => connection =>
    {
        try
        {
            // Runs until the connection first waits for its client. ConnectionLimit has counted it by then.
            return next(connection);
        }
        finally
        {
            _places.Release();
        }
    };

    /// <inheritdoc/>
    public bool CanBind(EndPoint endpoint) => sockets.CanBind(endpoint);

    /// <inheritdoc/>
    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        new Listener(await sockets.BindAsync(endpoint, cancellationToken), _places);

    /// <inheritdoc/>
    public void Dispose() => _places.Dispose();

    private sealed class Listener(IConnectionListener listener, SemaphoreSlim places) : IConnectionListener
    {
        public EndPoint EndPoint => listener.EndPoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            // The place is taken after the accept: a listener that waits for a client must not keep the others from accepting.
            var connection = await listener.AcceptAsync(cancellationToken);
            if (connection is not null)
                await places.WaitAsync(CancellationToken.None); // connections that were accepted always free their places
            return connection;
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => listener.UnbindAsync(cancellationToken);

        public ValueTask DisposeAsync() => listener.DisposeAsync();
    }
}
