using System.Net.Sockets;
using System.Text;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>A connection whose client writes arbitrary bytes of HTTP/1.1.</summary>
internal sealed class RawHttp1 : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    public static async Task<RawHttp1> OpenAsync(Uri server)
    {
        var connection = new RawHttp1();
        await connection._socket.ConnectAsync(server.Host, server.Port, TestRun.Token);
        return connection;
    }

    /// <summary>Sends the text and reads the response, up to the end of its headers.</summary>
    public static async Task<string> TalkAsync(Uri server, string text)
    {
        using var connection = await OpenAsync(server);
        await connection.SendAsync(text);
        return await connection.ReadHeadersAsync();
    }

    public async Task SendAsync(string text)
    {
        for (ReadOnlyMemory<byte> left = Encoding.UTF8.GetBytes(text); left.Length > 0;)
            left = left[await _socket.SendAsync(left, TestRun.Token)..];
    }

    /// <summary>Ends the client's side of the connection.</summary>
    public void EndSending() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>Resets the connection.</summary>
    public void Reset()
    {
        _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        _socket.Dispose();
    }

    /// <summary>Reads the response up to the end of its headers, or to the end of the connection.</summary>
    public async Task<string> ReadHeadersAsync()
    {
        var reading = ReadUntilAsync();
        await Barrier.Within(reading, "the server answered");
        return await reading;
    }

    public void Dispose() => _socket.Dispose();

    private async Task<string> ReadUntilAsync()
    {
        var text = new StringBuilder();
        var buffer = new byte[4096];
        while (!text.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
        {
            int read;
            try
            {
                read = await _socket.ReceiveAsync(buffer, TestRun.Token);
            }
            catch (SocketException)
            {
                break; // the server closed the connection with some of the client's bytes unread
            }
            if (read == 0)
                break;
            text.Append(Encoding.UTF8.GetString(buffer, 0, read));
        }
        return text.ToString();
    }
}
