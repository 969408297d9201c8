using System.Buffers.Binary;
using System.Text;

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

    /// <summary>Connects with the largest windows, so that flow control never slows the server down.</summary>
    public Http2Connection(EventLoop loop, int port)
        : base(loop, port, InputBytes)
    {
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.CopyTo(Write(24));
        // HEADER_TABLE_SIZE 0, so that header blocks are independent; ENABLE_PUSH 0; INITIAL_WINDOW_SIZE.
        ReadOnlySpan<(ushort Id, uint Value)> settings = [(1, 0), (2, 0), (4, MaxWindow)];
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

    /// <summary>Returns the header block of a gRPC call: literals, and entries of HPACK's static table (RFC 7541, appendix A).</summary>
    /// <param name="path">The method.</param>
    /// <param name="authorization">The credentials, or null.</param>
    public static byte[] HeadersOf(string path, string? authorization = null)
    {
        using var block = new MemoryStream();
        block.Write([0x83, 0x86]); // :method POST, :scheme http
        Literal(4, null, path);
        Literal(1, null, "127.0.0.1");
        Literal(31, null, "application/grpc");
        Literal(0, "te", "trailers");
        if (authorization is not null)
            Literal(23, null, authorization);
        return block.ToArray();

        void Literal(byte nameIndex, string? name, string value)
        {
            // Four bits of index; larger ones continue in the next byte.
            block.Write(nameIndex < 15 ? [nameIndex] : [15, (byte)(nameIndex - 15)]);
            if (name is not null)
                Text(name);
            Text(value);
        }

        void Text(string text)
        {
            // Seven bits of length; larger ones continue in groups of seven bits.
            const int Most = 127;
            block.WriteByte((byte)Math.Min(text.Length, Most));
            for (var left = text.Length - Most; left >= 0; left = left < 128 ? -1 : left >> 7)
                block.WriteByte((byte)(left < 128 ? left : 128 | (left & 127)));
            block.Write(Encoding.ASCII.GetBytes(text));
        }
    }

    /// <summary>Opens a stream with the headers.</summary>
    public Http2Stream Open(byte[] headers, IStreamHandler handler)
    {
        var stream = new Http2Stream(this, _nextStream, handler);
        _nextStream += 2;
        _streams.Add(stream.Id, stream);
        headers.CopyTo(Begin(Frame.Headers, EndHeaders, stream.Id, headers.Length));
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
            if (input.Length - taken < FrameHeaderBytes + length)
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
                throw new IOException($"The server sent GOAWAY {BinaryPrimitives.ReadInt32BigEndian(payload[4..])}.");
        }
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
