namespace GrpcPresence.Server.Streams.Http2;

/// <summary>
/// Decides when a client floods its HTTP/2 connection with frames that cost the server more than the client. Each of two levels rises with
/// such frames, and falls with time and with the frames that serve requests, so that a busy client has more room than an idle one.
/// <list type="bullet">
/// <item>Requests that end early: the client resets a stream before the server serves it (CVE-2023-44487), or sends a frame for which the
/// server must reset the stream (CVE-2025-8671). Both start work whose result nobody reads, and make room for the next request, so that
/// the number of concurrent streams does not bound them. A reset of a request that the server serves does not count: the request keeps
/// its places for a while (<see cref="Requests.ConnectionRequests"/>), which bounds it like one that the client does not reset. So calls
/// that the server delays may all end at short deadlines, also those of many clients behind a proxy.</item>
/// <item>Frames that serve no request: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, CONTINUATION, empty DATA and unknown types.</item>
/// </list>
/// Kestrel closes a connection only when more than twice <c>MaxStreamsPerConnection</c> streams are unfinished at a time. Resets never
/// reach that number while requests end quickly, and a gateway needs thousands of concurrent streams. <see cref="OnReceived"/> and
/// <see cref="IsExceeded"/> run on the thread that reads the connection, <see cref="OnSent"/> on the one that writes.
/// </summary>
internal sealed class FloodLimit(TimeProvider time)
{
    /// <summary>
    /// Early ends that are free. A client that ends calls early does so for a few at a time; one that leaves may do so for all calls that
    /// wait.
    /// </summary>
    public const int EarlyEnds = 1000;

    /// <summary>Further early ends that are free in a second.</summary>
    public const int EarlyEndsPerSecond = 100;

    /// <summary>A client may end one in so many requests early, at any rate: some send a call twice and end the slower one.</summary>
    public const int RequestsPerEarlyEnd = 4;

    /// <summary>Frames without a use that are free. A client sends a few at the start, and one with each ping.</summary>
    public const int Overhead = 10_000;

    /// <summary>Further such frames that are free in a second.</summary>
    public const int OverheadPerSecond = 1000;

    /// <summary>
    /// Further such frames that each frame with a use permits, in either direction: a client that reads sends up to two WINDOW_UPDATE for
    /// each DATA, and some send a PING to measure the bandwidth.
    /// </summary>
    public const int OverheadPerFrame = 4;

    /// <summary>
    /// A stream that is older is not reset early. Deadlines of a second or more, and streams that a client has watched, may all end
    /// together.
    /// </summary>
    public static readonly TimeSpan Early = TimeSpan.FromMilliseconds(500);

    private long _earlyEnds; // in units of one early end divided by RequestsPerEarlyEnd
    private long _overhead;
    private long _at = time.GetTimestamp();
    private int _lastStream;
    private int _lastStreamAtTick; // streams up to this number are older than the last tick
    private int _lastEarlierStream; // streams up to this number are older than Early

    // Written by the thread that writes the connection, read by the one that reads it.
    private long _sentUseful;
    private long _sentResets;
    private long _creditedUseful;
    private long _chargedResets;

    /// <summary>Counts a frame of the client, except a reset.</summary>
    public void OnReceived(in FrameHeader frame)
    {
        switch (frame.Type)
        {
            case FrameType.Headers when frame.Stream > _lastStream:
                _lastStream = frame.Stream;
                _earlyEnds--;
                _overhead -= OverheadPerFrame;
                break;
            case FrameType.Headers: // trailers
            case FrameType.Data when frame.EndsStream:
                break;
            case FrameType.Data when frame.Length > 0:
                _overhead -= OverheadPerFrame;
                break;
            default:
                _overhead++;
                break;
        }
        _earlyEnds = Math.Max(0, _earlyEnds);
        _overhead = Math.Max(0, _overhead);
    }

    /// <summary>Whether the client would reset the stream early.</summary>
    public bool IsEarly(int stream) => stream > _lastEarlierStream;

    /// <summary>Counts a reset by the client.</summary>
    /// <param name="isEarlyEnd">Whether it is early, and comes before the server serves the request.</param>
    public void OnReset(bool isEarlyEnd)
    {
        if (isEarlyEnd)
            _earlyEnds += RequestsPerEarlyEnd;
        else
            _overhead++;
    }

    /// <summary>Counts a frame of the server.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="isError">Whether a reset has an error code that a frame of the client causes.</param>
    public void OnSent(in FrameHeader frame, bool isError)
    {
        if (frame.Type == FrameType.Headers || (frame is { Type: FrameType.Data, Length: > 0 }))
            Volatile.Write(ref _sentUseful, _sentUseful + 1);
        else if (isError)
            Volatile.Write(ref _sentResets, _sentResets + 1);
    }

    /// <summary>Whether the client floods the connection.</summary>
    public bool IsExceeded()
    {
        var (useful, resets) = (Volatile.Read(ref _sentUseful), Volatile.Read(ref _sentResets));
        _overhead = Math.Max(0, _overhead - ((useful - _creditedUseful) * OverheadPerFrame));
        _earlyEnds += (resets - _chargedResets) * RequestsPerEarlyEnd;
        (_creditedUseful, _chargedResets) = (useful, resets);
        var elapsed = time.GetElapsedTime(_at);
        if (elapsed >= Early)
            Age(elapsed);
        return _earlyEnds > EarlyEnds * RequestsPerEarlyEnd || _overhead > Overhead;
    }

    private void Age(TimeSpan elapsed)
    {
        _at = time.GetTimestamp();
        _earlyEnds = Math.Max(0, _earlyEnds - (long)(elapsed.TotalSeconds * EarlyEndsPerSecond * RequestsPerEarlyEnd));
        _overhead = Math.Max(0, _overhead - (long)(elapsed.TotalSeconds * OverheadPerSecond));
        _lastEarlierStream = elapsed >= 2 * Early ? _lastStream : _lastStreamAtTick;
        _lastStreamAtTick = _lastStream;
    }
}
