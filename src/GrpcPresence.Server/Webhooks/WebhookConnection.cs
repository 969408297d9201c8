using System.Net;
using System.Net.Sockets;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// One connection to a receiver. It limits the bytes that arrive after a request. The HTTP client limits heads and bodies. Below it, TLS
/// would read as many handshake messages or empty records as the network carries within the time limit.
/// </summary>
internal sealed class WebhookConnection : NetworkStream
{
    /// <summary>
    /// The received bytes after which the connection fails, unless a request is sent in between: twice the response headers, and what is
    /// read of a body to reuse the connection, or the certificates of TLS.
    /// </summary>
    public const int ReceivedBytes = 128 * 1024;

    private Action? _closed;
    private int _received;

    private WebhookConnection(Socket socket, Action closed)
        : base(socket, ownsSocket: true) => _closed = closed;

    /// <summary>Connects over TCP.</summary>
    /// <param name="endpoint">The address and port.</param>
    /// <param name="closed">Called once: when the connection is closed or fails to open.</param>
    /// <param name="cancellationToken">Cancels the attempt.</param>
    /// <exception cref="SocketException">The attempt failed.</exception>
    /// <exception cref="PresenceException">WebhookCapacityExceeded: the system has no file, port or buffer left.</exception>
    public static async Task<Stream> OpenAsync(IPEndPoint endpoint, Action closed, CancellationToken cancellationToken)
    {
        Socket? socket = null;
        try
        {
            socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(endpoint, cancellationToken);
            return new WebhookConnection(socket, closed);
        }
        catch (SocketException exception) when (IsShortage(exception.SocketErrorCode, endpoint.AddressFamily))
        {
            socket?.Dispose();
            closed();
            throw PresenceErrors.WebhookCapacityExceeded();
        }
        catch
        {
            socket?.Dispose();
            closed();
            throw;
        }
    }

    /// <summary>
    /// Whether the error shows that this system cannot connect now, which says nothing of the receiver. Without a free local port the error
    /// is AddressNotAvailable; over IPv6, a system without an IPv6 address has the same error.
    /// </summary>
    internal static bool IsShortage(SocketError error, AddressFamily family) => error switch
    {
        SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable => true,
        SocketError.AddressNotAvailable => family == AddressFamily.InterNetwork,
        _ => false,
    };

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer) => Count(base.Read(buffer));

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Count(base.Read(buffer, offset, count));

    /// <inheritdoc/>
    public override async Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        Count(await base.ReadAsync(buffer.AsMemory(offset, count), cancellationToken));

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Count(await base.ReadAsync(buffer, cancellationToken));

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Volatile.Write(ref _received, 0);
        return base.WriteAsync(buffer, cancellationToken);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        Interlocked.Exchange(ref _closed, null)?.Invoke();
    }

    private int Count(int read) => Interlocked.Add(ref _received, read) <= ReceivedBytes
        ? read
        : throw new IOException("The webhook receiver sent more than a response may have.");
}
