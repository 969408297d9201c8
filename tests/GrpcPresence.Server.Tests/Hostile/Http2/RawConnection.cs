using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using GrpcPresence.Server.Tests.Fixture;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Hostile.Http2;

/// <summary>A connection whose client writes arbitrary bytes, and reads the answers.</summary>
internal sealed class RawConnection : IDisposable
{
    private const int FrameHeaderBytes = 9;

    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly Conversation _conversation;
    private readonly TaskCompletionSource _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<int, StreamAnswer> _answers = [];
    private bool _waitsForGoAway;
    private int? _goAway;

    private RawConnection(Conversation conversation) => _conversation = conversation;

    /// <summary>
    /// Sends all bytes, waits for the expected answers, closes the client's side, and reads until the server has closed its side.
    /// </summary>
    /// <returns>The answers by stream, without those of unanswered streams.</returns>
    public static async Task<IReadOnlyDictionary<int, StreamAnswer>> TalkAsync(Uri server, Conversation conversation)
    {
        using var connection = new RawConnection(conversation);
        await connection.TalkAsync(server);
        return connection._answers;
    }

    /// <summary>
    /// Sends all bytes, waits for GOAWAY or the end of the connection, and returns the error code of GOAWAY, or null without one.
    /// </summary>
    public static async Task<int?> FindGoAwayAsync(Uri server, Conversation conversation)
    {
        using var connection = new RawConnection(conversation) { _waitsForGoAway = true };
        await connection.TalkAsync(server);
        return connection._goAway;
    }

    public void Dispose() => _socket.Dispose();

    private async Task TalkAsync(Uri server)
    {
        await _socket.ConnectAsync(server.Host, server.Port, TestRun.Token);
        await Barrier.Within(Task.WhenAll(ReadAsync(), WriteAsync()), $"the server closed the connection after {_conversation.Name}");
    }

    private async Task WriteAsync()
    {
        try
        {
            for (var left = _conversation.Bytes; left.Length > 0;)
                left = left[await _socket.SendAsync(left, TestRun.Token)..];
            await _answered.Task;
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // The server has closed the connection already.
        }
    }

    private async Task ReadAsync()
    {
        try
        {
            await using var stream = new NetworkStream(_socket);
            var header = new byte[FrameHeaderBytes];
            NoteWhetherAnswered();
            while (await stream.ReadAtLeastAsync(header, header.Length, throwOnEndOfStream: false, TestRun.Token) == header.Length)
            {
                var payload = new byte[BinaryPrimitives.ReadInt32BigEndian(header) >> 8];
                await stream.ReadExactlyAsync(payload, TestRun.Token);
                Take(header[3], header[4], BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(5)), payload);
                NoteWhetherAnswered();
            }
        }
        catch (Exception closed) when (closed is IOException or SocketException)
        {
            // The server closed the connection with some of the client's bytes unread.
        }
        finally
        {
            _answered.TrySetResult();
        }
    }

    private void Take(byte type, byte flags, int stream, byte[] payload)
    {
        if (type == FrameType.GoAway)
            _goAway = BinaryPrimitives.ReadInt32BigEndian(payload.AsSpan(4));
        if (stream == 0)
            return;
        if (!_answers.TryGetValue(stream, out var answer))
            _answers.Add(stream, answer = new StreamAnswer());
        if (type == FrameType.Reset)
            answer.IsReset = answer.IsOver = true;
        if (type == FrameType.Headers)
            TakeHeaders(payload, answer);
        if (type is FrameType.Headers or FrameType.Data && (flags & FrameFlags.EndStream) != 0)
            answer.IsOver = true;
    }

    private static void TakeHeaders(byte[] block, StreamAnswer answer)
    {
        foreach (var (name, value) in Hpack.Decode(block))
        {
            if (name == ":status")
                answer.HttpStatus = int.Parse(value, CultureInfo.InvariantCulture);
            else if (name == "grpc-status")
                answer.GrpcStatus = int.Parse(value, CultureInfo.InvariantCulture);
        }
    }

    private void NoteWhetherAnswered()
    {
        var isAnswered = _waitsForGoAway
            ? _goAway is not null
            : _conversation.Awaited.All(stream => _answers.GetValueOrDefault(stream) is { IsOver: true });
        if (isAnswered)
            _answered.TrySetResult();
    }
}
