using System.Buffers.Binary;
using System.Text;

namespace GrpcPresence.Bench.Load;

/// <summary>One gRPC call.</summary>
internal sealed class Http2Stream(Http2Connection connection, int id, IStreamHandler handler)
{
    private const int PrefixBytes = 5;

    private byte[] _partial = []; // a message that is not complete yet
    private int _filled;

    /// <summary>The connection.</summary>
    public Http2Connection Connection => connection;

    /// <summary>The stream's number in its connection.</summary>
    public int Id => id;

    /// <summary>The number of received messages.</summary>
    public int Messages { get; private set; }

    /// <summary>Sends a message.</summary>
    public void Send(ReadOnlySpan<byte> message, bool end = false) => connection.Send(id, message, end);

    /// <summary>Ends the client's half.</summary>
    public void End() => connection.End(id);

    /// <summary>Cancels the call.</summary>
    public void Cancel() => connection.Cancel(id);

    /// <summary>Describes a failure for people: the printable characters of the trailers, which are not decoded.</summary>
    public static string Describe(ReadOnlySpan<byte> trailers) =>
        string.Concat(Encoding.Latin1.GetString(trailers).Where(letter => letter is >= ' ' and <= '~'));

    /// <summary>Handles the headers.</summary>
    public void HeadersReceived() => handler.OnHeaders(this);

    /// <summary>Handles the end of the call.</summary>
    public void Ended(ReadOnlySpan<byte> trailers) => handler.OnEnded(this, trailers);

    /// <summary>Handles a part of the body. A message that is complete in the part is not copied.</summary>
    public void Take(ReadOnlySpan<byte> part)
    {
        if (_filled > 0)
        {
            Append(part);
            var taken = TakeMessages(_partial.AsSpan(0, _filled));
            _partial.AsSpan(taken, _filled - taken).CopyTo(_partial);
            _filled -= taken;
        }
        else
        {
            var taken = TakeMessages(part);
            if (taken < part.Length)
                Append(part[taken..]);
        }
    }

    private int TakeMessages(ReadOnlySpan<byte> body)
    {
        var taken = 0;
        while (body.Length - taken >= PrefixBytes)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(body[(taken + 1)..]);
            if (body.Length - taken < PrefixBytes + length)
                break;
            Messages++;
            handler.OnMessage(this, body.Slice(taken + PrefixBytes, length));
            taken += PrefixBytes + length;
        }
        return taken;
    }

    private void Append(ReadOnlySpan<byte> part)
    {
        if (_filled + part.Length > _partial.Length)
            Array.Resize(ref _partial, Math.Max(_partial.Length * 2, _filled + part.Length));
        part.CopyTo(_partial.AsSpan(_filled));
        _filled += part.Length;
    }
}
