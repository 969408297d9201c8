using System.Diagnostics.CodeAnalysis;
using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Client.Connections;
using GrpcPresence.Client.Telemetry;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Sessions;

/// <summary>
/// The sessions that share credentials, and so one heartbeat stream: all sessions of a client with an API key, or those of one user with
/// access tokens. The program starts and ends sessions here, and <see cref="HeartbeatLoop"/> carries to the server what
/// follows. One timer serves all sessions.
/// </summary>
internal sealed class SessionGroup : IAsyncDisposable
{
    private static readonly TimeSpan IdlePeriod = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ShortestRetry = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ShortestInterval = TimeSpan.FromSeconds(1); // of a server
    private static readonly TimeSpan ShortestReplyTimeout = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LongestReplyTimeout = TimeSpan.FromSeconds(20);

    private readonly ConnectionSettings _settings;
    private readonly SessionSettings _options;
    private readonly SessionQueue _queue;
    private readonly QueuedTimer _timer;
    private readonly long _startedAt;
    private readonly WakeUp _wakeUp = new();
    private readonly CancellationTokenSource _abort = new();
    private readonly TaskCompletionSource _closing = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _run;
    private bool _isIdle;
    private volatile bool _isInterrupted;

    /// <param name="settings">The settings of the client.</param>
    /// <param name="options">The settings of sessions.</param>
    /// <param name="client">Calls over the connection for heartbeats.</param>
    /// <param name="identity">The user whose access token is presented; empty with an API key.</param>
    public SessionGroup(ConnectionSettings settings, SessionSettings options, UserService.UserServiceClient client, string identity)
    {
        (_settings, _options) = (settings, options);
        // Even a client that reconnects at once must not repeat rejected entries in a busy loop.
        var first = Durations.Max(settings.Reconnection.First, ShortestRetry);
        var longest = Durations.Max(settings.Reconnection.Longest, first);
        _queue = new SessionQueue(settings.Reconnection with { First = first, Longest = longest });
        _startedAt = settings.Time.GetTimestamp();
        _timer = settings.Timers.Create(OnTimer);
        var loop = new HeartbeatLoop(this, settings, options, client, identity);
        var abort = _abort.Token; // the group may be disposed of before the loop runs
        _run = BackgroundWork.Run(() => loop.RunAsync(abort));
    }

    /// <summary>Guards the queue and all sessions of the group. No await, I/O, log or call out under it.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Whether the group has no session and nothing to send.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (Gate)
                return _queue.IsEmpty;
        }
    }

    /// <summary>Whether the connection is to be closed, once everything is sent.</summary>
    public bool NeedsNoConnection
    {
        get
        {
            lock (Gate)
                return _queue.IsEmpty && (_isIdle || Closing.IsCompleted);
        }
    }

    /// <summary>Completes when the client is disposed of.</summary>
    public Task Closing => _closing.Task;

    /// <summary>The time since the group was created.</summary>
    public TimeSpan Now => _settings.Time.GetElapsedTime(_startedAt);

    /// <summary>How long an answer may take: a part of a lease, so that another attempt can renew it in time.</summary>
    public TimeSpan ReplyTimeout
    {
        get
        {
            var third = _queue.SessionTimeout / 3;
            return third > LongestReplyTimeout ? LongestReplyTimeout : Durations.Max(third, ShortestReplyTimeout);
        }
    }

    /// <summary>
    /// The longest random delay before another attempt: the interval of the heartbeats. A server that was away leaves sessions their whole
    /// lease when it is back, and they must beat in that time.
    /// </summary>
    public TimeSpan LongestReconnectDelay
    {
        get
        {
            lock (Gate)
                return Durations.Max(_queue.Schedule.Interval, ShortestInterval);
        }
    }

    /// <summary>Starts a session. The caller counts it, once it has left its own locks.</summary>
    /// <returns>The session, and the answer to its first heartbeat.</returns>
    public (PresenceSession Session, Task Started) Start(string userKey, string? sessionId)
    {
        var session = new PresenceSession(this, userKey, sessionId);
        var started = session.Started!.Task;
        lock (Gate)
        {
            ObjectDisposedException.ThrowIf(_closing.Task.IsCompleted, typeof(IPresenceClient));
            if (_queue.Schedule.Count == 0)
            {
                _queue.Schedule.Start(Now);
                _isIdle = false;
            }
            _queue.Start(session);
            SetTimer();
        }
        Wake();
        return (session, started);
    }

    /// <summary>Ends a session, and waits for the server to confirm it, but not for longer than the settings say.</summary>
    public async Task EndAsync(PresenceSession session)
    {
        bool isAlive;
        lock (Gate)
        {
            isAlive = session.Phase is SessionPhase.Starting or SessionPhase.Live;
            if (isAlive)
            {
                _queue.End(session, Now);
                SetTimer();
            }
        }
        if (isAlive)
            _settings.Telemetry.Sessions.Add(-1);
        Wake();
        // While the server is away, its answer is not worth a wait for each of many sessions.
        if (_isInterrupted)
            return;
        try
        {
            await session.Ended.WaitAsync(_options.EndTimeout, _settings.Time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // It stays in the queue. If the server does not return in time, the lease ends by itself.
        }
    }

    /// <summary>Ends all sessions and the stream, within the time that the settings give.</summary>
    public async ValueTask DisposeAsync()
    {
        PresenceSession[] sessions;
        lock (Gate)
        {
            _closing.TrySetResult();
            sessions = [.. _queue.Schedule.Sessions];
            foreach (var session in sessions)
                _queue.End(session, Now);
        }
        _settings.Telemetry.Sessions.Add(-sessions.Length);
        Wake();
        try
        {
            await _run.WaitAsync(_options.EndTimeout, _settings.Time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // The leases end by themselves.
        }
        _abort.CancelAndDispose();
        Wake();
        await _settings.Handlers.WaitForAsync(_run).ConfigureAwait(false);
        _timer.Dispose();
    }

    /// <summary>Wakes the loop.</summary>
    public void Wake() => _wakeUp.Set();

    /// <summary>Waits until there may be something to do.</summary>
    public ValueTask WaitAsync() => _wakeUp.WaitAsync(CancellationToken.None);

    /// <summary>Takes what is to be sent next. False if nothing is.</summary>
    public bool TryTake([NotNullWhen(true)] out Batch? batch)
    {
        lock (Gate)
            return _queue.TryTake(out batch);
    }

    /// <summary>Takes back what was sent and not answered.</summary>
    public void TakeBack(IEnumerable<Batch> unanswered)
    {
        lock (Gate)
        {
            foreach (var batch in unanswered)
                _queue.TakeBack(batch);
            SetTimer();
        }
    }

    /// <summary>Makes all sessions beat now.</summary>
    public void MakeAllDue()
    {
        lock (Gate)
            _queue.Schedule.MakeAllDue();
    }

    /// <summary>Takes in the reply to a batch.</summary>
    public void TakeIn(Batch batch, StreamHeartbeatsResponse reply)
    {
        var ended = 0;
        lock (Gate)
        {
            var rejected = 0;
            for (var index = 0; index < batch.Sessions.Count; index++)
            {
                var session = batch.Sessions[index];
                if (rejected == reply.Rejected.Count || reply.Rejected[rejected].Index != index)
                    _queue.Accept(batch.Kind, session);
                else if (_queue.Reject(batch.Kind, session, Rejection(reply.Rejected[rejected++].Reason), retryDelay: null, Now))
                    ended++;
            }
            if (rejected > 0)
                SetTimer();
        }
        NoteAnswer();
        _settings.Telemetry.Sessions.Add(-ended);
        Count(batch.Kind, "accepted", reply.Accepted);
        foreach (var rejection in reply.Rejected)
            Count(batch.Kind, rejection.Reason.ToString(), 1);
    }

    /// <summary>The server accepted a single call.</summary>
    public void Accept(BatchKind kind, PresenceSession session)
    {
        lock (Gate)
            _queue.Accept(kind, session);
        NoteAnswer();
        Count(kind, "accepted", 1);
    }

    /// <summary>The server rejected a single call.</summary>
    public void Reject(BatchKind kind, PresenceSession session, CallError error)
    {
        bool hasEnded;
        lock (Gate)
        {
            hasEnded = _queue.Reject(kind, session, error.ToException(), error.RetryDelay, Now);
            SetTimer();
        }
        NoteAnswer();
        _settings.Telemetry.Sessions.Add(hasEnded ? -1 : 0);
        Count(kind, error.Reason.ToString(), 1);
    }

    /// <summary>Follows the pace of the server.</summary>
    public void SetPace(Duration? interval, Duration? sessionTimeout)
    {
        lock (Gate)
        {
            if (!_queue.SetPace(interval?.ToTimeSpan() ?? default, sessionTimeout?.ToTimeSpan() ?? default, Now))
                return;
            SetTimer();
        }
        Wake();
    }

    /// <summary>Ends all sessions, because none of them can go on.</summary>
    /// <returns>How many sessions were alive.</returns>
    public int FailAll(PresenceException error)
    {
        int failed;
        lock (Gate)
            failed = _queue.FailAll(error);
        _settings.Telemetry.Sessions.Add(-failed);
        return failed;
    }

    /// <summary>Ends all sessions, and accepts no more, because the loop has ended.</summary>
    public void Close(PresenceException error)
    {
        lock (Gate)
            _closing.TrySetResult();
        FailAll(error);
    }

    /// <summary>The server has answered.</summary>
    public void NoteAnswer()
    {
        if (!_isInterrupted)
            return;
        _isInterrupted = false;
        Log.HeartbeatsResumed(_settings.Logger);
    }

    /// <summary>The server is away.</summary>
    public void NoteInterruption() => _isInterrupted = true;

    private void OnTimer()
    {
        lock (Gate)
        {
            _isIdle = _queue.IsEmpty;
            if (!_isIdle)
                SetTimer();
        }
        Wake();
    }

    // The caller holds the lock.
    private void SetTimer()
    {
        var next = _queue.Advance(Now);
        // A group that only waits for the answer to an end becomes idle without another event.
        _timer.Set(_queue.Schedule.Count > 0 || next < IdlePeriod ? next!.Value : IdlePeriod);
    }

    private void Count(BatchKind kind, string outcome, int count)
    {
        var counter = kind == BatchKind.Beats ? _settings.Telemetry.Heartbeats : _settings.Telemetry.Ends;
        if (count > 0)
            counter.Add(count, new KeyValuePair<string, object?>("outcome", outcome));
    }

    private static PresenceException Rejection(ErrorReason reason) =>
        new(ReasonStatus.Of(reason), reason, $"The server rejected a heartbeat: {reason}.");
}

/// <summary>The settings of sessions.</summary>
/// <param name="EndSessionsOnDisconnect">Whether sessions end soon after the connection is lost.</param>
/// <param name="EndTimeout">How long disposal waits for the server.</param>
internal sealed record SessionSettings(bool EndSessionsOnDisconnect, TimeSpan EndTimeout);
