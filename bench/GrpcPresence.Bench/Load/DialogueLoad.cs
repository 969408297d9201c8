namespace GrpcPresence.Bench.Load;

/// <summary>
/// Bidirectional streams with one reply per message. Each stream has a fixed number of open messages, and each reply sends the next one.
/// </summary>
internal sealed class DialogueLoad : ILoad, IStreamHandler
{
    private readonly string _path;
    private readonly IReadOnlyList<byte[]> _messages;
    private readonly int _messagesEach;
    private readonly int _operationsEach;
    private readonly Action<ReadOnlySpan<byte>> _check;
    private readonly List<Http2Stream> _streams = [];
    private readonly int _opening;
    private bool _isOn;
    private int _next;
    private int _open;

    /// <summary>Opens the streams.</summary>
    /// <param name="connections">The connections.</param>
    /// <param name="streamsEach">Streams per connection.</param>
    /// <param name="messagesEach">Maximum number of open messages per stream.</param>
    /// <param name="path">The method.</param>
    /// <param name="opening">The first message of each stream, or null.</param>
    /// <param name="messages">The messages, sent in turn.</param>
    /// <param name="operationsEach">The number of operations in a message.</param>
    /// <param name="check">Throws if a reply is wrong.</param>
    public DialogueLoad(
        IEnumerable<Http2Connection> connections,
        int streamsEach,
        int messagesEach,
        string path,
        byte[]? opening,
        IReadOnlyList<byte[]> messages,
        int operationsEach,
        Action<ReadOnlySpan<byte>> check)
    {
        _path = path;
        _messages = messages;
        _messagesEach = messagesEach;
        _operationsEach = operationsEach;
        _check = check;
        _opening = opening is null ? 0 : 1;
        var headers = HeaderBlock.OfCall(path);
        foreach (var connection in connections)
        {
            for (var i = 0; i < streamsEach; i++)
            {
                var stream = connection.Open(headers, this);
                if (opening is not null)
                    stream.Send(opening);
                _streams.Add(stream);
            }
        }
    }

    /// <inheritdoc/>
    public long Operations { get; private set; }

    /// <inheritdoc/>
    public bool IsIdle => _open == 0;

    /// <inheritdoc/>
    public void Start()
    {
        _isOn = true;
        for (var sent = 0; sent < _messagesEach; sent++)
        {
            foreach (var stream in _streams)
                SendNext(stream);
        }
    }

    /// <inheritdoc/>
    public void Stop() => _isOn = false;

    /// <summary>Sends every message once, in order, and waits for the replies.</summary>
    public void SendAll(EventLoop loop, TimeSpan limit)
    {
        var last = Operations + ((long)_messages.Count * _operationsEach);
        var window = _streams.Count * _messagesEach;
        for (var sent = 0; sent < _messages.Count; sent++)
        {
            loop.RunUntil(() => _open < window, limit, $"{_path} answers");
            SendNext(_streams[sent % _streams.Count]);
        }
        loop.RunUntil(() => Operations == last, limit, $"{_path} answers");
    }

    /// <inheritdoc/>
    public void OnMessage(Http2Stream stream, ReadOnlySpan<byte> message)
    {
        if (stream.Messages <= _opening)
            return;
        _check(message);
        Operations += _operationsEach;
        _open--;
        if (_isOn)
            SendNext(stream);
    }

    /// <inheritdoc/>
    public void OnEnded(Http2Stream stream, ReadOnlySpan<byte> trailers) =>
        throw new IOException($"{_path} ended: {Http2Stream.Describe(trailers)}");

    private void SendNext(Http2Stream stream)
    {
        _open++;
        stream.Send(_messages[_next]);
        _next = _next + 1 == _messages.Count ? 0 : _next + 1;
    }
}
