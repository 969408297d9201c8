using GrpcPresence.Bench.Load;

namespace GrpcPresence.Bench.FanOut;

/// <summary>
/// A connection for a line protocol whose messages all have the same size, because one payload is published on one channel. It counts
/// messages by their first byte and their length.
/// </summary>
internal sealed class PubSubConnection(EventLoop loop, int port, byte messageStart, Action<int> delivered)
    : TcpConnection(loop, port, InputBytes)
{
    private const int InputBytes = 32 * 1024;

    /// <summary>Bytes of a message; 0 until the size is known.</summary>
    public int MessageBytes { get; set; }

    /// <summary>The number of received lines that were not messages.</summary>
    public int Lines { get; private set; }

    /// <summary>Sends bytes.</summary>
    public void Send(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Write(bytes.Length));

    /// <inheritdoc/>
    protected override int Take(ReadOnlySpan<byte> input)
    {
        var (taken, messages) = (0, 0);
        while (taken < input.Length)
        {
            var rest = input[taken..];
            if (MessageBytes > 0 && rest[0] == messageStart)
            {
                if (rest.Length < MessageBytes)
                    break;
                taken += MessageBytes;
                messages++;
                continue;
            }
            var end = rest.IndexOf((byte)'\n');
            if (end < 0)
                break;
            if (rest.StartsWith("PING"u8))
                Send("PONG\r\n"u8);
            if (rest.StartsWith("-"u8))
                throw new IOException("The server rejected a command.");
            Lines++;
            taken += end + 1;
        }
        if (messages > 0)
            delivered(messages);
        return taken;
    }
}
