using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Security.Authentication;

namespace GrpcPresence.Server.Streams;

/// <summary>
/// The open streams by their callers, so that they end when a caller does: an access token expires, an API key is revoked. One whose client reads nothing,
/// and so cannot be told, is reset. Safe from any thread.
/// </summary>
internal sealed class OpenCalls(TimeProvider time)
{
    /// <summary>How often callers are looked at. A revoked key's streams end within a second.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a stream that was ended has for its last words before it is reset.</summary>
    public static readonly TimeSpan ResetGrace = TimeSpan.FromSeconds(2);

    // Guards the calls. A reset runs under it, so that it cannot touch a request that has ended meanwhile and was given to another; beside it only FindEnd
    // is called under it, which waits for nothing.
    private readonly Lock _gate = new();
    private readonly Dictionary<Caller, HashSet<Call>> _open = [];
    private long _lookedAt = time.GetTimestamp();

    /// <summary>A stream was opened; it is closed when what is returned is disposed of.</summary>
    /// <param name="caller">Its caller.</param>
    /// <param name="request">Its request, to be reset when ending it is of no use.</param>
    /// <param name="end">Ends the stream with a reason. Called once at the most, from any thread; must not wait.</param>
    public IDisposable Open(Caller caller, HttpContext request, Action<PresenceException> end)
    {
        var call = new Call(this, caller, request, end);
        lock (_gate)
        {
            if (!_open.TryGetValue(caller, out var calls))
                _open[caller] = calls = [];
            calls.Add(call);
        }
        return call;
    }

    /// <summary>Ends the streams of callers that have ended, when it is time to look. Called once a tick.</summary>
    public void Tick()
    {
        if (time.GetElapsedTime(_lookedAt) < Interval)
            return;
        _lookedAt = time.GetTimestamp();
        List<(Call Call, PresenceException Reason)> ended = [];
        var now = time.GetUtcNow();
        lock (_gate)
        {
            foreach (var (caller, calls) in _open)
            {
                if (caller.FindEnd(now) is not { } reason)
                    continue;
                foreach (var call in calls)
                {
                    if (call.EndedAt is null)
                        ended.Add((call, reason));
                    else if (time.GetElapsedTime(call.EndedAt.Value) >= ResetGrace)
                        StreamReset.Refuse(call.Request);
                }
            }
            foreach (var (call, _) in ended)
                call.EndedAt = _lookedAt;
        }
        foreach (var (call, reason) in ended)
            call.End(reason);
    }

    private void Close(Call call)
    {
        lock (_gate)
        {
            if (_open.TryGetValue(call.Caller, out var calls) && calls.Remove(call) && calls.Count == 0)
                _open.Remove(call.Caller);
        }
    }

    private sealed class Call(OpenCalls owner, Caller caller, HttpContext request, Action<PresenceException> end) : IDisposable
    {
        public Caller Caller => caller;

        public HttpContext Request => request;

        // Under the owner's lock.
        public long? EndedAt { get; set; }

        public void End(PresenceException reason) => end(reason);

        public void Dispose() => owner.Close(this);
    }
}
