using GrpcPresence.Core.Errors;

namespace GrpcPresence.Server.Access;

/// <summary>The open streams by their callers, so that they end when a caller does: an access token expires, an API key is revoked. Safe from any thread.</summary>
internal sealed class OpenCalls(TimeProvider time)
{
    /// <summary>How often callers are looked at. A revoked key's streams end within a second.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new(); // guards the calls; nothing is called under it but FindEnd, which waits for nothing
    private readonly Dictionary<Caller, HashSet<Call>> _open = [];
    private long _lookedAt = time.GetTimestamp();

    /// <summary>A stream was opened; it is closed when what is returned is disposed of.</summary>
    /// <param name="caller">Its caller.</param>
    /// <param name="end">Ends the stream with a reason. Called once at the most, from any thread; must not wait.</param>
    public IDisposable Open(Caller caller, Action<PresenceException> end)
    {
        var call = new Call(this, caller, end);
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
                if (caller.FindEnd(now) is { } reason)
                    ended.AddRange(calls.Select(call => (call, reason)));
            }
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

    private sealed class Call(OpenCalls owner, Caller caller, Action<PresenceException> end) : IDisposable
    {
        public Caller Caller => caller;

        public void End(PresenceException reason) => end(reason);

        public void Dispose() => owner.Close(this);
    }
}
