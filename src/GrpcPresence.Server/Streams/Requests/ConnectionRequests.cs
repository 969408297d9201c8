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

    private const int Slots = 64;

    // Every call begins and ends here. Nearly always its slot is free, and it needs no lock: with one, a heartbeat took 3 % longer. Client
    // streams have odd numbers in ascending order.
    private readonly OpenRequest?[] _slots = new OpenRequest?[Slots];

    private readonly Lock _gate = new(); // guards everything below; Kestrel is not called under it
    private readonly Dictionary<int, OpenRequest> _others = []; // requests whose slot was taken

    // Those that the client has reset early. They keep their places until the next check. Otherwise a client that resets its requests could
    // have more of them in a second than one that waits for the responses.
    private readonly Dictionary<int, OpenRequest> _resetEarly = [];
    private int _servedEarlyEnds; // since the last check

    // The frames of a stream may end it before its request begins. Those that ended since the sweep before the last one.
    private HashSet<int> _ended = [];
    private HashSet<int> _endedEarlier = [];

    // For reads without the lock: the sizes of the sets above, and the highest stream whose request has begun. Streams begin nearly in
    // order, and of two that begin at the same time the lower one may win.
    private volatile int _othersCount;
    private volatile int _endedCount;
    private volatile int _lastBegun;

    private volatile bool _isClosed;

    /// <summary>Adds the request until its stream ends. Ends it at once if its stream has ended.</summary>
    public void Add(OpenRequest request)
    {
        if (request.Stream > _lastBegun)
            _lastBegun = request.Stream;
        if (Interlocked.CompareExchange(ref SlotOf(request.Stream), request, null) is not null)
        {
            lock (_gate)
            {
                _others.Add(request.Stream, request);
                _othersCount = _others.Count;
            }
            Interlocked.MemoryBarrier();
        }
        // The request is visible before this looks, and the thread that notes an end looks for the request again. So one of them finds the
        // other.
        if (_isClosed || (_endedCount > 0 && HasEnded(request.Stream)))
            Take(request.Stream)?.End();
    }

    /// <summary>Returns the request of a stream, unless it has ended.</summary>
    public OpenRequest? Find(int stream)
    {
        if (Volatile.Read(ref SlotOf(stream)) is { } request && request.Stream == stream)
            return request;
        lock (_gate)
            return _others.GetValueOrDefault(stream) ?? _resetEarly.GetValueOrDefault(stream);
    }

    /// <summary>Removes the request of a stream that has ended.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="isReset">Whether a reset of the server ended it, which may happen before its request begins.</param>
    public void OnEnded(int stream, bool isReset)
    {
        var request = Take(stream);
        if (request is null && isReset)
        {
            lock (_gate)
                NoteEnd(stream);
            request = Take(stream);
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
        var request = Take(stream);
        bool isServed;
        lock (_gate)
        {
            isServed = stream <= _lastBegun && _servedEarlyEnds < ServedEarlyEnds;
            if (isEarly && isServed)
            {
                _servedEarlyEnds++;
                if (request is not null)
                {
                    _resetEarly.Add(stream, request);
                    return true;
                }
            }
            if (request is null)
                NoteEnd(stream);
        }
        (request ?? Take(stream))?.End();
        return isServed;
    }

    /// <summary>Removes all requests: the connection has ended. Kestrel may begin requests that were queued even after that.</summary>
    public void OnClosed()
    {
        _isClosed = true;
        Interlocked.MemoryBarrier();
        foreach (var request in All())
            Take(request.Stream)?.End();
        EndThoseThatWereReset();
    }

    /// <summary>Resets the unary requests that have lasted so long, and ends those that the client has reset.</summary>
    public void Check(TimeSpan limit, TimeProvider time)
    {
        lock (_gate)
        {
            (_endedEarlier, _ended) = (_ended, _endedEarlier);
            _ended.Clear();
            _endedCount = _endedEarlier.Count;
        }
        foreach (var request in All())
        {
            if (request.IsUnary && time.GetElapsedTime(request.Since) >= limit)
                request.Reset();
        }
        EndThoseThatWereReset();
    }

    private ref OpenRequest? SlotOf(int stream) => ref _slots[(stream >> 1) % Slots];

    private OpenRequest? Take(int stream)
    {
        ref var slot = ref SlotOf(stream);
        var request = Volatile.Read(ref slot);
        if (request?.Stream == stream)
            return Interlocked.CompareExchange(ref slot, null, request) == request ? request : null;
        if (_othersCount == 0)
            return null;
        lock (_gate)
        {
            _others.Remove(stream, out request);
            _othersCount = _others.Count;
            return request;
        }
    }

    // The caller holds the lock.
    private void NoteEnd(int stream)
    {
        _ended.Add(stream);
        _endedCount = _ended.Count + _endedEarlier.Count;
        Interlocked.MemoryBarrier();
    }

    private bool HasEnded(int stream)
    {
        lock (_gate)
            return _ended.Contains(stream) || _endedEarlier.Contains(stream);
    }

    private void EndThoseThatWereReset()
    {
        OpenRequest[] requests;
        lock (_gate)
        {
            requests = [.. _resetEarly.Values];
            _resetEarly.Clear();
            _servedEarlyEnds = 0;
        }
        foreach (var request in requests)
            request.End();
    }

    private List<OpenRequest> All()
    {
        List<OpenRequest> all = [.. _slots.OfType<OpenRequest>()];
        lock (_gate)
            all.AddRange(_others.Values);
        return all;
    }
}
