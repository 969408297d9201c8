using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using GrpcPresence.Testing;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>
/// A Unix socket between a store and the server that can lose answers and cut connections, also at any message and inside of one. Unless
/// asked to, the server does not notice a cut: its side stays open, as it does when a machine is gone.
/// </summary>
internal sealed class SocketRelay : IDisposable
{
    private const string SocketName = ".s.PGSQL.5432";

    private readonly TemporaryDirectory _directory = new();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Lock _gate = new(); // guards the list and the cut
    private readonly List<Connection> _connections = [];
    private readonly UnixDomainSocketEndPoint _target;
    private volatile int _losing; // connections up to this number lose the answers
    private volatile TaskCompletionSource _thawed = new();
    private volatile TaskCompletionSource _released = new();
    private volatile int _holding; // requests of connections up to this number wait
    private int _passing; // so many of them do not wait
    private int _accepted;
    private PlannedCut? _planned;

    public SocketRelay(string directoryOfServer)
    {
        _target = new UnixDomainSocketEndPoint(Path.Combine(directoryOfServer, SocketName));
        _thawed.SetResult();
        _released.SetResult();
        _listener.Bind(new UnixDomainSocketEndPoint(_directory.File(SocketName)));
        _listener.Listen();
        _ = AcceptAsync();
    }

    /// <summary>The directory to which a client connects.</summary>
    public string Directory => Path.GetDirectoryName(_directory.File(SocketName))!;

    /// <summary>Loses all further answers of the present connections.</summary>
    public void LoseAnswers() => _losing = Volatile.Read(ref _accepted);

    /// <summary>Holds every answer, also those on new connections, until <see cref="Thaw"/>.</summary>
    public void Freeze() => _thawed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Sends the answers that were held, and all further ones.</summary>
    public void Thaw() => _thawed.TrySetResult();

    /// <summary>
    /// Holds what the clients of the present connections send, apart from the first messages, until the function is called that this
    /// returns.
    /// </summary>
    public Action HoldRequests(int passing = 0)
    {
        _passing = passing;
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _released = released;
        _holding = Volatile.Read(ref _accepted);
        return () => released.TrySetResult();
    }

    /// <summary>Cuts the present connections of clients. Those to the server stay open.</summary>
    public void Cut()
    {
        lock (_gate)
            _connections.ForEach(connection => connection.CutClient());
    }

    /// <summary>Ends the connections to the server whose clients were cut.</summary>
    public void EndServerSides()
    {
        lock (_gate)
            _connections.ForEach(connection => connection.Server.Dispose());
    }

    /// <summary>
    /// Cuts the connection on which the sender sends the message with this number, counted from now on over all connections. Rows after
    /// the first one of a result do not count.
    /// </summary>
    /// <param name="sender">The sender.</param>
    /// <param name="message">The number of the message, from 0.</param>
    /// <param name="part">How much of the message arrives.</param>
    /// <param name="serverNotices">Whether the connection to the server is cut too.</param>
    public void PlanCut(MessageSender sender, int message, MessagePart part, bool serverNotices)
    {
        lock (_gate)
            _planned = new PlannedCut(sender, message, part, serverNotices);
    }

    /// <summary>Withdraws the planned cut. Returns whether it was made.</summary>
    public bool WasCut()
    {
        lock (_gate)
        {
            var wasCut = _planned is null;
            _planned = null;
            return wasCut;
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        Cut();
        EndServerSides();
        _directory.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptAsync();
                var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await server.ConnectAsync(_target);
                var connection = new Connection(client, server, Interlocked.Increment(ref _accepted));
                lock (_gate)
                    _connections.Add(connection);
                _ = CopyAsync(connection, MessageSender.Client);
                _ = CopyAsync(connection, MessageSender.Server);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The relay ends.
        }
    }

    private async Task CopyAsync(Connection connection, MessageSender sender)
    {
        var (client, server) = (connection.Client, connection.Server);
        var (source, target) = sender == MessageSender.Client ? (client, server) : (server, client);
        var messages = new MessageReader(sender, connection.Negotiation);
        try
        {
            var buffer = new byte[64 * 1024];
            while (await source.ReceiveAsync(buffer) is > 0 and var count)
            {
                messages.Append(buffer.AsSpan(0, count));
                while (messages.TryRead(out var message, out var isFurtherRow))
                {
                    if (sender == MessageSender.Server)
                        await _thawed.Task;
                    else if (connection.Number <= _holding && Interlocked.Decrement(ref _passing) < 0)
                        await _released.Task;
                    if (connection.IsCut)
                        return; // what the server says to a client that is gone
                    if (!isFurtherRow && TakeCut(sender) is { } cut)
                    {
                        await target.SendAsync(message.AsMemory(0, BytesOf(cut.Part, message.Length)));
                        connection.CutClient();
                        if (cut.ServerNotices)
                            connection.Server.Dispose();
                        return;
                    }
                    if (sender == MessageSender.Client || connection.Number > _losing)
                        await target.SendAsync(message);
                }
            }
            // The client has closed the connection. After a cut, the server's side of it stays open.
            if (sender == MessageSender.Client)
                connection.Server.Dispose();
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // One of the sides was cut.
        }
    }

    private PlannedCut? TakeCut(MessageSender sender)
    {
        lock (_gate)
        {
            if (_planned is not { } cut || cut.Sender != sender || cut.Message-- > 0)
                return null;
            _planned = null;
            return cut;
        }
    }

    private static int BytesOf(MessagePart part, int length) => part switch
    {
        MessagePart.Nothing => 0,
        MessagePart.Type => 1,
        MessagePart.Half => length / 2,
        _ => length - 1,
    };

    private sealed class PlannedCut(MessageSender sender, int message, MessagePart part, bool serverNotices)
    {
        public MessageSender Sender => sender;

        public int Message { get; set; } = message;

        public MessagePart Part => part;

        public bool ServerNotices => serverNotices;
    }

    private sealed record Connection(Socket Client, Socket Server, int Number)
    {
        private volatile bool _isCut;

        public Negotiation Negotiation { get; } = new();

        public bool IsCut => _isCut;

        public void CutClient()
        {
            _isCut = true;
            Client.Dispose();
        }
    }

    /// <summary>What the client asked before its first message, such as for TLS. The server answers it with one byte.</summary>
    private sealed class Negotiation
    {
        public int Unanswered;
    }

    /// <summary>Divides a stream of bytes into the messages of PostgreSQL's protocol.</summary>
    private sealed class MessageReader(MessageSender sender, Negotiation negotiation)
    {
        private const int FirstRequest = 80877103; // for TLS; the next number is for GSS
        private const byte Row = (byte)'D';

        private readonly List<byte> _bytes = [];
        private bool _hasStarted = sender == MessageSender.Server;
        private bool _wasRow;

        public void Append(ReadOnlySpan<byte> bytes) => _bytes.AddRange(bytes);

        /// <summary>Takes the next message that is complete.</summary>
        public bool TryRead(out byte[] message, out bool isFurtherRow)
        {
            (message, isFurtherRow) = ([], false);
            if (sender == MessageSender.Server && _bytes.Count > 0 && Volatile.Read(ref negotiation.Unanswered) > 0)
            {
                Interlocked.Decrement(ref negotiation.Unanswered);
                return Take(1, out message);
            }
            // The first message of a client has no type.
            var lengthAt = _hasStarted ? 1 : 0;
            if (_bytes.Count < lengthAt + 4 || !Take(lengthAt + Number(lengthAt), out message))
                return false;
            if (_hasStarted)
            {
                var isRow = sender == MessageSender.Server && message[0] == Row;
                (isFurtherRow, _wasRow) = (isRow && _wasRow, isRow);
            }
            else if (BinaryPrimitives.ReadInt32BigEndian(message.AsSpan(4)) is FirstRequest or FirstRequest + 1)
            {
                Interlocked.Increment(ref negotiation.Unanswered);
            }
            else
            {
                _hasStarted = true;
            }
            return true;
        }

        private int Number(int at) => BinaryPrimitives.ReadInt32BigEndian(CollectionsMarshal.AsSpan(_bytes)[at..]);

        private bool Take(int count, out byte[] taken)
        {
            if (_bytes.Count < count)
            {
                taken = [];
                return false;
            }
            taken = [.. _bytes.Take(count)];
            _bytes.RemoveRange(0, count);
            return true;
        }
    }
}

/// <summary>The sender of a message.</summary>
public enum MessageSender
{
    Client,
    Server,
}

/// <summary>How much of a message arrives.</summary>
public enum MessagePart
{
    Nothing,
    Type,
    Half,
    AllButLastByte,
}
