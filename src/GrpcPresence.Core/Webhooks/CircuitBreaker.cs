using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Threading;

namespace GrpcPresence.Core.Webhooks;

/// <summary>The state in which a circuit breaker meets a request.</summary>
internal enum CircuitState
{
    /// <summary>The endpoint keeps failing: the request must not be sent.</summary>
    Open,

    /// <summary>The request may be sent.</summary>
    Closed,

    /// <summary>The request may be sent, as the one trial request whose outcome decides whether the breaker closes.</summary>
    HalfOpen,
}

/// <summary>
/// Stops requests to the endpoint of one service instance that keeps failing. So an endpoint that is down costs one trial request after
/// each delay, and is not flooded when it recovers. Safe from any thread.
/// </summary>
/// <param name="url">The endpoint's URL.</param>
/// <param name="stateChanged">Set when the breaker opens or closes, and when a trial request ends.</param>
/// <param name="backoff">The delays between trial requests.</param>
/// <param name="time">The clock.</param>
internal sealed class CircuitBreaker(string url, AsyncAutoResetEvent stateChanged, Backoff backoff, TimeProvider time)
{
    // Guards all fields. The backoff's lock may be taken inside it. The event is set outside it; no I/O, await or log happens under it.
    private readonly Lock _gate = new();
    private int _failures; // in a row, while closed
    private int _openings; // in a row, without a success in between
    private TimeSpan? _retryAt; // null while closed
    private bool _isTrialPending;
    private long _taken;

    /// <summary>The endpoint's URL.</summary>
    public string Url => url;

    /// <summary>Whether only trial requests may be sent: the breaker is open or half-open.</summary>
    public bool IsOpen
    {
        get
        {
            lock (_gate)
                return _retryAt is not null;
        }
    }

    /// <summary>How many events the endpoint has taken.</summary>
    public long TakenCount
    {
        get
        {
            lock (_gate)
                return _taken;
        }
    }

    /// <summary>
    /// The delay until a request may be sent. Zero means now. Null means when the pending trial request ends, which sets the event.
    /// </summary>
    public TimeSpan? Delay
    {
        get
        {
            lock (_gate)
            {
                if (_isTrialPending)
                    return null;
                // Read once: a second reading could make the delay negative, and a timer throws for that, which would end the delivery
                // loop.
                var now = Now;
                return _retryAt is { } at && at > now ? at - now : TimeSpan.Zero;
            }
        }
    }

    private TimeSpan Now => time.GetElapsedTime(0);

    /// <summary>
    /// Asks to send one request. The caller must pass a state other than <see cref="CircuitState.Open"/> to <see cref="Report"/> or <see
    /// cref="Cancel"/> once, because a trial request without an end blocks all others.
    /// </summary>
    public CircuitState Enter()
    {
        lock (_gate)
        {
            if (_retryAt is not { } at)
                return CircuitState.Closed;
            if (_isTrialPending || at > Now)
                return CircuitState.Open;
            _isTrialPending = true;
            return CircuitState.HalfOpen;
        }
    }

    /// <summary>Records the outcome of a request.</summary>
    /// <param name="state">The state in which the request was sent.</param>
    /// <param name="outcome">The outcome.</param>
    /// <param name="isRetry">
    /// Whether this user's events failed before. An endpoint that cannot process one user's events may process all others, so a retry does
    /// not open the breaker.
    /// </param>
    public void Report(CircuitState state, WebhookOutcome outcome, bool isRetry)
    {
        lock (_gate)
        {
            var wasOpen = _retryAt is not null;
            if (state == CircuitState.HalfOpen)
                _isTrialPending = false;
            if (outcome is WebhookOutcome.Taken or WebhookOutcome.Refused)
                Close(outcome);
            // A deferred trial counts as failed: its end wakes the delivery loop, which would try again at once and without end.
            else if (outcome == WebhookOutcome.Deferred && state != CircuitState.HalfOpen)
                return;
            // A request that was sent before the breaker opened may succeed during the trial and close it. The trial then counts as any
            // other request.
            else if ((state == CircuitState.HalfOpen && wasOpen) || (!wasOpen && !isRetry && ++_failures >= Limits.WebhookFailuresToOpen))
                Open();
            if (state != CircuitState.HalfOpen && wasOpen == (_retryAt is not null))
                return; // the delivery loop does not wait for this
        }
        stateChanged.Set();
    }

    /// <summary>Records that a request was not sent, or that its outcome is unknown.</summary>
    public void Cancel(CircuitState state)
    {
        if (state != CircuitState.HalfOpen)
            return;
        lock (_gate)
            _isTrialPending = false;
        stateChanged.Set();
    }

    private void Close(WebhookOutcome outcome)
    {
        if (outcome == WebhookOutcome.Taken)
            _taken++;
        _failures = 0;
        _openings = 0;
        _retryAt = null;
    }

    private void Open()
    {
        _failures = 0;
        _retryAt = Now + backoff.After(++_openings);
    }
}
