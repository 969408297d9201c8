using System.Buffers.Binary;

namespace GrpcPresence.Bench.Load;

/// <summary>
/// The minimum of HTTP/2 that gRPC calls need, and the same for every server: requests consist of prepared bytes, and only frames and
/// message lengths of the responses are read. (RFC 9113; the names are its own.)
/// </summary>
internal sealed class Http2Connection : TcpConnection
{
    private const int InputBytes = 256 * 1024;
    private const int FrameHeaderBytes = 9;
    private const int MaxFrameBytes = 16 * 1024;
    private const int MessagePrefixBytes = 5;
    private const int MaxWindow = int.MaxValue;
    private const int DefaultWindow = 65_535;
    private const byte EndStream = 0x1;
    private const byte EndHeaders = 0x4;
    private const byte Padded = 0x8;
    private const byte Ack = 0x1;

    private enum Frame : byte
    {
        Data = 0,
        Headers = 1,
        ResetStream = 3,
        Settings = 4,
        Ping = 6,
        GoAway = 7,
        WindowUpdate = 8,
    }

    private readonly Dictionary<int, Http2Stream> _streams = [];
    private int _nextStream = 1;
    private long _unacknowledged;

    private readonly Action? _closed;

    /// <summary>Connects. By default the windows have the maximum size, so that flow control never slows the server down.</summary>
    /// <param name="loop">Serves the connection.</param>
    /// <param name="port">The server's port.</param>
    /// <param name="window">The window of each stream, in bytes.</param>
    /// <param name="closed">Handles the end of the connection by the server. If null, the end fails the scenario.</param>
    public Http2Connection(EventLoop loop, int port, int window = MaxWindow, Action? closed = null)
        : base(loop, port, InputBytes)
    {
        _closed = closed;
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.CopyTo(Write(24));
        // HEADER_TABLE_SIZE 0, so that header blocks are independent; ENABLE_PUSH 0; INITIAL_WINDOW_SIZE.
        ReadOnlySpan<(ushort Id, uint Value)> settings = [(1, 0), (2, 0), (4, (uint)window)];
        var frame = Begin(Frame.Settings, 0, stream: 0, settings.Length * 6);
        for (var i = 0; i < settings.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(frame[(i * 6)..], settings[i].Id);
            BinaryPrimitives.WriteUInt32BigEndian(frame[((i * 6) + 2)..], settings[i].Value);
        }
        BinaryPrimitives.WriteInt32BigEndian(Begin(Frame.WindowUpdate, 0, stream: 0, sizeof(int)), MaxWindow - DefaultWindow);
    }

    /// <summary>Opens several connections to one server.</summary>
    public static IReadOnlyList<Http2Connection> Several(EventLoop loop, int port, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => new Http2Connection(loop, port))];

    /// <summary>Opens a stream with the headers.</summary>
    /// <param name="headers">The header block.</param>
    /// <param name="handler">Handles the response.</param>
    /// <param name="end">Whether the request has no body.</param>
    public Http2Stream Open(byte[] headers, IStreamHandler handler, bool end = false)
    {
        var stream = new Http2Stream(this, _nextStream, handler);
        _nextStream += 2;
        _streams.Add(stream.Id, stream);
        var flags = end ? (byte)(EndHeaders | EndStream) : EndHeaders;
        headers.CopyTo(Begin(Frame.Headers, flags, stream.Id, headers.Length));
        return stream;
    }

    /// <summary>Sends one message, in one frame if it fits. Ignores the server's window, because loads are sized to fit into it.</summary>
    public void Send(int stream, ReadOnlySpan<byte> message, bool end)
    {
        var first = Math.Min(message.Length, MaxFrameBytes - MessagePrefixBytes);
        var frame = Begin(Frame.Data, end && first == message.Length ? EndStream : (byte)0, stream, MessagePrefixBytes + first);
        frame[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(frame[1..], message.Length);
        message[..first].CopyTo(frame[MessagePrefixBytes..]);
        for (message = message[first..]; !message.IsEmpty; message = message[first..])
        {
            first = Math.Min(message.Length, MaxFrameBytes);
            message[..first].CopyTo(Begin(Frame.Data, end && first == message.Length ? EndStream : (byte)0, stream, first));
        }
    }

    /// <summary>Sends a part of the request body as it is.</summary>
    public void SendBody(int stream, ReadOnlySpan<byte> part, bool end)
    {
        while (!part.IsEmpty)
        {
            var frame = part[..Math.Min(part.Length, MaxFrameBytes)];
            part = part[frame.Length..];
            frame.CopyTo(Begin(Frame.Data, end && part.IsEmpty ? EndStream : (byte)0, stream, frame.Length));
        }
    }

    /// <summary>Ends the client's half of a stream.</summary>
    public void End(int stream) => Begin(Frame.Data, EndStream, stream, 0);

    /// <summary>Cancels a stream. Later frames of it are ignored.</summary>
    public void Cancel(int stream)
    {
        const int CancelCode = 8;
        _streams.Remove(stream);
        BinaryPrimitives.WriteInt32BigEndian(Begin(Frame.ResetStream, 0, stream, sizeof(int)), CancelCode);
    }

    /// <inheritdoc/>
    protected override int Take(ReadOnlySpan<byte> input)
    {
        var taken = 0;
        while (input.Length - taken >= FrameHeaderBytes)
        {
            var header = input.Slice(taken, FrameHeaderBytes);
            var length = (header[0] << 16) | (header[1] << 8) | header[2];
            if (IsClosed || input.Length - taken < FrameHeaderBytes + length)
                break;
            Take(
                (Frame)header[3],
                header[4],
                BinaryPrimitives.ReadInt32BigEndian(header[5..]),
                input.Slice(taken + FrameHeaderBytes, length));
            taken += FrameHeaderBytes + length;
        }
        return taken;
    }

    private void Take(Frame type, byte flags, int id, ReadOnlySpan<byte> payload)
    {
        switch (type)
        {
            case Frame.Data:
                Acknowledge(payload.Length);
                if ((flags & Padded) != 0)
                    throw new NotSupportedException("Padding is not supported.");
                if (_streams.TryGetValue(id, out var receiver))
                    receiver.Take(payload);
                break;
            case Frame.Headers when _streams.TryGetValue(id, out var stream):
                stream.HeadersReceived();
                if ((flags & EndStream) != 0)
                    Ended(stream, payload);
                break;
            case Frame.ResetStream when _streams.TryGetValue(id, out var reset):
                Ended(reset, payload);
                break;
            case Frame.Settings when (flags & Ack) == 0:
                Begin(Frame.Settings, Ack, stream: 0, 0);
                break;
            case Frame.Ping when (flags & Ack) == 0:
                payload.CopyTo(Begin(Frame.Ping, Ack, stream: 0, payload.Length));
                break;
            case Frame.GoAway:
                Close($"The server sent GOAWAY {BinaryPrimitives.ReadInt32BigEndian(payload[4..])}.");
                break;
        }
    }

    /// <inheritdoc/>
    protected override void OnClosed(string reason)
    {
        if (_closed is null)
            base.OnClosed(reason);
        else
            _closed();
    }

    private void Ended(Http2Stream stream, ReadOnlySpan<byte> trailers)
    {
        _streams.Remove(stream.Id);
        stream.Ended(trailers);
    }

    private void Acknowledge(int bytes)
    {
        _unacknowledged += bytes;
        if (_unacknowledged < MaxWindow / 4)
            return;
        BinaryPrimitives.WriteInt32BigEndian(Begin(Frame.WindowUpdate, 0, stream: 0, sizeof(int)), (int)_unacknowledged);
        _unacknowledged = 0;
    }

    private Span<byte> Begin(Frame type, byte flags, int stream, int length)
    {
        var frame = Write(FrameHeaderBytes + length);
        BinaryPrimitives.WriteInt32BigEndian(frame, length << 8);
        frame[3] = (byte)type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame[5..], stream);
        return frame[FrameHeaderBytes..];
    }
}
