namespace GrpcPresence.Server.Streams.Requests;

/// <summary>
/// The requests of one HTTP/2 connection whose end was not sent yet. Kestrel completes a request as soon as its response is buffered, so
/// the frames of the connection say when it ends. Safe from any thread.
/// </summary>
internal sealed class ConnectionRequests
{
    /// <summary>
    /// Requests that a client may reset early between two checks although the server serves them. So many calls of a proxy may have a
    /// short deadline when the server delays them. It also bounds callers without quotas.
    /// </summary>
    public const int ServedEarlyEnds = 5000;

    private readonly Lock _gate = new(); // guards everything below; Kestrel is not called under it
    private readonly Dictionary<int, OpenRequest> _open = [];

    // Those that the client has reset early. They keep their places until the next check. Otherwise a client that resets its requests could
    // have more of them in a second than one that waits for the responses.
    private readonly List<OpenRequest> _resetEarly = [];
    private int _servedEarlyEnds; // since the last check
    private int _lastBegun; // the highest stream whose request has begun; streams begin nearly in order

    // The frames of a stream may end it before its request begins. Those that ended since the sweep before the last one.
    private HashSet<int> _ended = [];
    private HashSet<int> _endedEarlier = [];

    /// <summary>Adds the request until its stream ends. Ends it at once if its stream has ended.</summary>
    public void Add(OpenRequest request)
    {
        lock (_gate)
        {
            _lastBegun = Math.Max(_lastBegun, request.Stream);
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
    /// <param name="isReset">Whether a reset of the server ended it, which may happen before its request begins.</param>
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

    /// <summary>
    /// Removes the request of a stream that the client has reset. Returns whether the server was serving it or had answered it, and few
    /// such requests were reset: then the request costs no more than one that the client does not reset.
    /// </summary>
    /// <param name="stream">The stream.</param>
    /// <param name="isEarly">Whether the stream is so young that its request must keep its places until the next check.</param>
    public bool OnResetByClient(int stream, bool isEarly)
    {
        OpenRequest? request;
        bool isServed;
        lock (_gate)
        {
            if (!_open.Remove(stream, out request))
                _ended.Add(stream);
            isServed = stream <= _lastBegun && _servedEarlyEnds < ServedEarlyEnds;
            if (isEarly && isServed)
            {
                _servedEarlyEnds++;
                if (request is not null)
                    _resetEarly.Add(request);
                return true;
            }
        }
        request?.End();
        return isServed;
    }

    /// <summary>Removes all requests: the connection has ended.</summary>
    public void OnClosed()
    {
        OpenRequest[] requests;
        lock (_gate)
        {
            requests = [.. _open.Values, .. _resetEarly];
            _open.Clear();
            _resetEarly.Clear();
        }
        foreach (var request in requests)
            request.End();
    }

    /// <summary>Resets the unary requests that have lasted so long, and ends those that the client has reset.</summary>
    public void Check(TimeSpan limit, TimeProvider time)
    {
        List<OpenRequest>? overdue = null;
        OpenRequest[] resetEarly;
        lock (_gate)
        {
            resetEarly = [.. _resetEarly];
            _resetEarly.Clear();
            _servedEarlyEnds = 0;
            (_endedEarlier, _ended) = (_ended, _endedEarlier);
            _ended.Clear();
            foreach (var request in _open.Values)
            {
                if (request.IsUnary && time.GetElapsedTime(request.Since) >= limit)
                    (overdue ??= []).Add(request);
            }
        }
        overdue?.ForEach(request => request.Reset());
        foreach (var request in resetEarly)
            request.End();
    }
}
