namespace GrpcPresence.Server.Streams.Requests;

/// <summary>
/// The requests of one HTTP/2 connection whose end was not sent yet. Kestrel completes a request as soon as its response is buffered, so
/// the frames of the connection say when it ends. Safe from any thread.
/// </summary>
internal sealed class ConnectionRequests
{
    private readonly Lock _gate = new(); // guards everything below; Kestrel is not called under it
    private readonly Dictionary<int, OpenRequest> _open = [];

    // The frames of a stream may end it before its request begins. Those that ended since the sweep before the last one.
    private HashSet<int> _ended = [];
    private HashSet<int> _endedEarlier = [];

    /// <summary>Adds the request until its stream ends. Ends it at once if its stream has ended.</summary>
    public void Add(OpenRequest request)
    {
        lock (_gate)
        {
            if (!_ended.Remove(request.Stream) && !_endedEarlier.Remove(request.Stream))
            {
                _open.Add(request.Stream, request);
                return;
            }
        }
        request.End();
    }

    /// <summary>Removes the request of a stream that has ended.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="isReset">Whether a reset ended it, which may happen before its request begins.</param>
    public void OnEnded(int stream, bool isReset)
    {
        OpenRequest? request;
        lock (_gate)
        {
            if (!_open.Remove(stream, out request) && isReset)
                _ended.Add(stream);
        }
        request?.End();
    }

    /// <summary>Removes all requests: the connection has ended.</summary>
    public void OnClosed()
    {
        OpenRequest[] requests;
        lock (_gate)
        {
            requests = [.. _open.Values];
            _open.Clear();
        }
        foreach (var request in requests)
            request.End();
    }

    /// <summary>Resets the unary requests that have lasted so long.</summary>
    public void ResetOverdue(TimeSpan limit, TimeProvider time)
    {
        List<OpenRequest>? overdue = null;
        lock (_gate)
        {
            (_endedEarlier, _ended) = (_ended, _endedEarlier);
            _ended.Clear();
            foreach (var request in _open.Values)
            {
                if (request.IsUnary && time.GetElapsedTime(request.Since) >= limit)
                    (overdue ??= []).Add(request);
            }
        }
        overdue?.ForEach(request => request.Reset());
    }
}
