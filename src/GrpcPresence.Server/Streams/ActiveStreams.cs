using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Security.Authentication;

namespace GrpcPresence.Server.Streams;

/// <summary>
/// Tracks the active streams. Stopping waits for them, and resets streams that do not end. A stream also ends when its caller's credentials
/// end: an access token expires, or an API key is revoked. If the client does not read, and so never gets the error, the stream is reset.
/// Safe from any thread.
/// </summary>
internal sealed class ActiveStreams(TimeProvider time)
{
    /// <summary>How often credentials are checked. The streams of a revoked key end within a second.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a stream may send its last message after its credentials end. Then it is reset.</summary>
    public static readonly TimeSpan ResetGrace = TimeSpan.FromSeconds(2);

    // Guards everything below and the mutable properties of the streams. A reset runs under this lock. Otherwise it could reach a request
    // that has ended, and whose context serves another request. The only other call out under this lock is FindInvalidationReason, which
    // does not wait.
    private readonly Lock _gate = new();
    private readonly Dictionary<HttpContext, ActiveStream> _streams = [];
    private readonly Dictionary<Caller, HashSet<ActiveStream>> _byCaller = []; // a check tests each caller once
    private TaskCompletionSource? _noneActive;
    private long _resets;
    private long _checkedAt = time.GetTimestamp();

    /// <summary>The number of streams that did not end in time and were reset during a stop.</summary>
    public long Resets => Volatile.Read(ref _resets);

    /// <summary>Adds the stream of the request until the result is disposed.</summary>
    public IDisposable Open(HttpContext request)
    {
        var stream = new ActiveStream(this, request);
        lock (_gate)
            _streams.Add(request, stream);
        return stream;
    }

    /// <summary>Binds the open stream of the request to its caller's credentials until the result is disposed.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="request">The request to reset if ending the stream has no effect.</param>
    /// <param name="end">Ends the stream with a reason. Called at most once, from any thread. Must not wait.</param>
    public IDisposable EndWith(Caller caller, HttpContext request, Action<PresenceException> end)
    {
        lock (_gate)
        {
            var stream = _streams[request];
            stream.End = end;
            if (!_byCaller.TryGetValue(caller, out var streams))
                _byCaller[caller] = streams = [];
            streams.Add(stream);
            return new Binding(this, caller, stream);
        }
    }

    /// <summary>
    /// Ends the streams whose caller's credentials are no longer valid. Called on every tick, but checks only once per
    /// <see cref="Interval"/>.
    /// </summary>
    public void Tick()
    {
        if (time.GetElapsedTime(_checkedAt) < Interval)
            return;
        _checkedAt = time.GetTimestamp();
        List<(Action<PresenceException> End, PresenceException Reason)> ended = [];
        var now = time.GetUtcNow();
        lock (_gate)
        {
            foreach (var (caller, streams) in _byCaller)
            {
                if (caller.FindInvalidationReason(now) is not { } reason)
                    continue;
                foreach (var stream in streams)
                {
                    if (stream.EndedAt is { } endedAt)
                    {
                        if (time.GetElapsedTime(endedAt) >= ResetGrace)
                            StreamReset.Reset(stream.Request);
                        continue;
                    }
                    stream.EndedAt = _checkedAt;
                    ended.Add((stream.End!, reason));
                }
            }
        }
        foreach (var (end, reason) in ended)
            end(reason);
    }

    /// <summary>Resets all streams, and returns their methods.</summary>
    public IReadOnlyList<string> ResetAll()
    {
        ActiveStream[] active;
        lock (_gate)
            active = [.. _streams.Values];
        var methods = new List<string>();
        foreach (var stream in active)
        {
            lock (_gate)
            {
                if (_streams.GetValueOrDefault(stream.Request) != stream)
                    continue;
                _resets++;
                methods.Add(stream.Request.Request.Path.Value!);
                StreamReset.Reset(stream.Request);
            }
        }
        return methods;
    }

    /// <summary>Returns a task that completes when no stream is active, or null when none is active now.</summary>
    public Task? WhenNoneActive()
    {
        lock (_gate)
        {
            if (_streams.Count == 0)
                return null;
            _noneActive ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _noneActive.Task;
        }
    }

    private void Close(ActiveStream stream)
    {
        lock (_gate)
        {
            if (!_streams.Remove(stream.Request) || _streams.Count > 0)
                return;
            _noneActive?.SetResult();
            _noneActive = null;
        }
    }

    private void Unbind(Caller caller, ActiveStream stream)
    {
        lock (_gate)
        {
            if (_byCaller.TryGetValue(caller, out var streams) && streams.Remove(stream) && streams.Count == 0)
                _byCaller.Remove(caller);
        }
    }

    private sealed class ActiveStream(ActiveStreams owner, HttpContext request) : IDisposable
    {
        public HttpContext Request => request;

        public Action<PresenceException>? End { get; set; }

        public long? EndedAt { get; set; }

        public void Dispose() => owner.Close(this);
    }

    private sealed class Binding(ActiveStreams owner, Caller caller, ActiveStream stream) : IDisposable
    {
        public void Dispose() => owner.Unbind(caller, stream);
    }
}
