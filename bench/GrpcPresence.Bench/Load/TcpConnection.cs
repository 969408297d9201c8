using System.Net;
using System.Net.Sockets;

namespace GrpcPresence.Bench.Load;

/// <summary>A connection of the load. Writes are collected and sent once per turn of the loop. Used only by the loop's thread.</summary>
internal abstract class TcpConnection : IDisposable
{
    private readonly EventLoop _loop;
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _input;
    private readonly int _handle;
    private byte[] _output = new byte[16 * 1024];
    private int _filled;
    private int _written;
    private int _sent;
    private bool _isUnflushed;
    private bool _isBlocked;

    protected TcpConnection(EventLoop loop, int port, int inputBytes)
    {
        _loop = loop;
        _input = new byte[inputBytes];
        _socket.Connect(IPAddress.Loopback, port);
        _socket.Blocking = false;
        _handle = loop.Register(this, (int)_socket.Handle);
    }

    /// <summary>Whether the connection has ended. It then ignores what is written.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>The number of received bytes.</summary>
    public long ReceivedBytes { get; private set; }

    /// <summary>Receives the available bytes.</summary>
    public void Receive()
    {
        while (!IsClosed)
        {
            var room = _input.Length - _filled;
            var count = _socket.Receive(_input.AsSpan(_filled), SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock)
                return;
            if (error != SocketError.Success || count == 0)
            {
                Close($"The server closed a connection ({error}).");
                return;
            }
            ReceivedBytes += count;
            _filled += count;
            var taken = Take(_input.AsSpan(0, _filled));
            if (IsClosed)
                return;
            _input.AsSpan(taken, _filled - taken).CopyTo(_input);
            _filled -= taken;
            if (count < room)
                return;
        }
    }

    /// <summary>Sends the collected writes.</summary>
    public void Flush()
    {
        _isUnflushed = false;
        if (IsClosed)
            return;
        while (_sent < _written)
        {
            var count = _socket.Send(_output.AsSpan(_sent, _written - _sent), SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock)
            {
                Block(true);
                return;
            }
            if (error != SocketError.Success)
            {
                Close($"The server closed a connection ({error}).");
                return;
            }
            _sent += count;
        }
        _sent = _written = 0;
        Block(false);
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    /// <summary>Closes the connection from this side.</summary>
    public void Abandon()
    {
        IsClosed = true;
        _socket.Dispose();
    }

    /// <summary>Ends the connection.</summary>
    /// <param name="reason">Why it ended.</param>
    protected void Close(string reason)
    {
        if (IsClosed)
            return;
        IsClosed = true;
        _socket.Dispose();
        OnClosed(reason);
    }

    /// <summary>Handles the end of the connection by the server. By default it fails the scenario.</summary>
    protected virtual void OnClosed(string reason) => throw new IOException(reason);

    /// <summary>Handles complete messages in the input, and returns how many bytes they had.</summary>
    protected abstract int Take(ReadOnlySpan<byte> input);

    /// <summary>Returns space to write into, which is sent at the end of the present turn.</summary>
    protected Span<byte> Write(int bytes)
    {
        if (_written + bytes > _output.Length)
            Array.Resize(ref _output, Math.Max(_output.Length * 2, _written + bytes));
        var room = _output.AsSpan(_written, bytes);
        _written += bytes;
        if (!_isUnflushed)
        {
            _isUnflushed = true;
            _loop.FlushLater(this);
        }
        return room;
    }

    private void Block(bool blocked)
    {
        if (_isBlocked == blocked)
            return;
        _isBlocked = blocked;
        _loop.AwaitWritable(_handle, (int)_socket.Handle, blocked);
    }
}
