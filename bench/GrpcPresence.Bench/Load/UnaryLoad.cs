namespace GrpcPresence.Bench.Load;

/// <summary>
/// Calls a unary method repeatedly: each connection has a fixed number of open calls, and each reply starts the next one.
/// </summary>
/// <param name="connections">The connections.</param>
/// <param name="callsEach">Open calls per connection.</param>
/// <param name="path">The method.</param>
/// <param name="requests">The requests, sent in turn.</param>
/// <param name="authorizations">The credentials of each request, or null.</param>
/// <param name="acceptsRejections">
/// Whether a failed call counts as a reply that starts the next one; otherwise the load fails with it.
/// </param>
internal sealed class UnaryLoad(
    IReadOnlyList<Http2Connection> connections,
    int callsEach,
    string path,
    IReadOnlyList<byte[]> requests,
    IReadOnlyList<string>? authorizations = null,
    bool acceptsRejections = false)
    : ILoad, IStreamHandler
{
    private readonly byte[][] _headers =
        authorizations is null
            ? [HeaderBlock.OfCall(path)]
            : [.. authorizations.Select(one => HeaderBlock.OfCall(path, one))];

    private bool _isOn;
    private int _next;
    private int _open;

    /// <inheritdoc/>
    public long Operations { get; private set; }

    /// <summary>The number of failed calls.</summary>
    public long Rejected { get; private set; }

    /// <inheritdoc/>
    public bool IsIdle => _open == 0;

    /// <inheritdoc/>
    public void Start()
    {
        _isOn = true;
        for (var i = 0; i < callsEach; i++)
        {
            foreach (var connection in connections)
                Call(connection);
        }
    }

    /// <inheritdoc/>
    public void Stop() => _isOn = false;

    /// <summary>Makes every call once, in order, with a fixed number of open calls.</summary>
    public void CallAll(EventLoop loop, TimeSpan limit)
    {
        var last = Operations + requests.Count;
        var window = connections.Count * callsEach;
        for (var called = 0; called < requests.Count; called++)
        {
            loop.RunUntil(() => _open < window, limit, $"{path} is answered");
            Call(connections[called % connections.Count]);
        }
        loop.RunUntil(() => Operations == last, limit, $"{path} is answered");
    }

    /// <summary>Starts one call without waiting for its reply.</summary>
    public void CallOnce() => Call(connections[0]);

    /// <inheritdoc/>
    public void OnMessage(Http2Stream stream, ReadOnlySpan<byte> message)
    {
    }

    /// <inheritdoc/>
    public void OnEnded(Http2Stream stream, ReadOnlySpan<byte> trailers)
    {
        if (stream.Messages > 0)
            Operations++;
        else if (acceptsRejections)
            Rejected++;
        else
            throw new IOException($"{path} failed: {Http2Stream.Describe(trailers)}");
        _open--;
        if (_isOn)
            Call(stream.Connection);
    }

    private void Call(Http2Connection connection)
    {
        _open++;
        var (headers, request) = (_headers[_next % _headers.Length], requests[_next]);
        _next = _next + 1 == requests.Count ? 0 : _next + 1;
        connection.Open(headers, this).Send(request, end: true);
    }
}
