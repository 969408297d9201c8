namespace GrpcPresence.Bench.Load;

/// <summary>
/// Opens watches, cancels each after its first message, and ignores errors. Each watch is followed by the next one at once.
/// </summary>
/// <param name="connections">The connections.</param>
/// <param name="watchesEach">Open watches per connection.</param>
/// <param name="path">The method.</param>
/// <param name="request">The request of the watches.</param>
internal sealed class WatchChurn(IReadOnlyList<Http2Connection> connections, int watchesEach, string path, byte[] request)
    : ILoad, IStreamHandler
{
    private readonly byte[] _headers = HeaderBlock.OfCall(path);
    private bool _isOn;
    private int _open;

    /// <inheritdoc/>
    public long Operations { get; private set; }

    /// <summary>The number of rejected watches.</summary>
    public long Rejected { get; private set; }

    /// <inheritdoc/>
    public bool IsIdle => _open == 0;

    /// <inheritdoc/>
    public void Start()
    {
        _isOn = true;
        foreach (var connection in connections)
        {
            for (var i = 0; i < watchesEach; i++)
                Open(connection);
        }
    }

    /// <inheritdoc/>
    public void Stop() => _isOn = false;

    /// <inheritdoc/>
    public void OnMessage(Http2Stream stream, ReadOnlySpan<byte> message)
    {
        // The same bytes may contain more messages.
        if (stream.Messages > 1)
            return;
        stream.Cancel();
        Operations++;
        Follow(stream);
    }

    /// <inheritdoc/>
    public void OnEnded(Http2Stream stream, ReadOnlySpan<byte> trailers)
    {
        Rejected++;
        Follow(stream);
    }

    private void Follow(Http2Stream ended)
    {
        _open--;
        if (_isOn)
            Open(ended.Connection);
    }

    private void Open(Http2Connection connection)
    {
        _open++;
        connection.Open(_headers, this).Send(request, end: true);
    }
}
