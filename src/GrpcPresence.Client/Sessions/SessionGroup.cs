using System.Diagnostics.CodeAnalysis;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Client.Connections;
using GrpcPresence.Client.Telemetry;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Sessions;

/// <summary>
/// The sessions that share credentials, and so one heartbeat stream: all sessions of a client with an API key, or those of one user with
/// access tokens. One timer serves them all.
/// <list type="number">
/// <item>Wait until there is something to send. A group without sessions holds no stream.</item>
/// <item>Send over one stream until it ends. What was not answered is sent again over the next one.</item>
/// <item>If streams break where nothing comes from the server itself, try a single call. If it works and the next stream breaks again,
/// something in between breaks streams: keep to single calls for a while. A server that was only away is back for both.</item>
/// <item>After an error wait as the server asks and a random time more, and begin again at 1.</item>
/// </list>
/// </summary>
internal sealed class SessionGroup : IAsyncDisposable
{
    private const int FailedStreamsBeforeUnary = 2;

    private static readonly TimeSpan UnaryPeriod = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan IdlePeriod = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ShortestReplyTimeout = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LongestReplyTimeout = TimeSpan.FromSeconds(20);

    private readonly ConnectionSettings _settings;
    private readonly UserService.UserServiceClient _client;
    private readonly SessionSettings _options;
    private readonly CallAuthorization _authorization;
    private readonly Backoff _backoff;
    private readonly SessionQueue _queue;
    private readonly ITimer _timer;
    private readonly long _startedAt;
    private readonly WakeUp _wakeUp = new();
    private readonly CancellationTokenSource _abort = new();
    private readonly TaskCompletionSource _closing = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _run;
    private bool _isIdle;
    private volatile bool _replacesStream;
    private int _failedStreams; // in a row, without an answer of the server
    private bool _triedUnary;
    private bool _unaryWorks; // since a stream last did
    private volatile bool _wasInterrupted;

    /// <param name="settings">The settings of the client.</param>
    /// <param name="options">The settings of sessions.</param>
    /// <param name="client">Calls over the connection for heartbeats.</param>
    /// <param name="identity">The user whose access token is presented; empty with an API key.</param>
    public SessionGroup(ConnectionSettings settings, SessionSettings options, UserService.UserServiceClient client, string identity)
    {
        (_settings, _options, _client) = (settings, options, client);
        _authorization = settings.AuthorizationFor(identity);
        _backoff = settings.NewBackoff();
        _queue = new SessionQueue(settings.Random);
        _startedAt = settings.Time.GetTimestamp();
        _timer = settings.Time.CreateTimer(
            static self => ((SessionGroup)self!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _run = Task.Run(RunAsync);
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

    /// <summary>Whether the present stream is to be closed, once everything is sent.</summary>
    public bool ClosesStream => _replacesStream || _closing.Task.IsCompleted || _isIdle;

    private TimeSpan Now => _settings.Time.GetElapsedTime(_startedAt);

    /// <summary>Starts a session.</summary>
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
        _settings.Telemetry.Sessions.Add(1);
        Wake();
        return (session, started);
    }

    /// <summary>Ends a session, and waits for the server to confirm it, but not for longer than the settings say.</summary>
    public async Task EndAsync(PresenceSession session)
    {
        lock (Gate)
        {
            if (session.Phase is SessionPhase.Starting or SessionPhase.Live)
            {
                _queue.End(session, Now);
                _settings.Telemetry.Sessions.Add(-1);
                SetTimer();
            }
        }
        Wake();
        // While the server is away, its answer is not worth a wait for each of many sessions.
        if (_wasInterrupted)
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
        await _abort.CancelAsync().ConfigureAwait(false);
        Wake();
        await _run.ConfigureAwait(false);
        await _timer.DisposeAsync().ConfigureAwait(false);
        lock (Gate)
            _queue.FailAll(new PresenceException(StatusCode.Cancelled, ErrorReason.Unspecified, "The client was disposed."));
        _abort.Dispose();
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

    /// <summary>Takes in the reply to a message; a null batch stands for the start.</summary>
    public void TakeIn(Batch? batch, StreamHeartbeatsResponse reply)
    {
        SetPace(reply.HeartbeatInterval, reply.SessionTimeout);
        NoteAnswer();
        if (batch is null)
            return;
        var ended = 0;
        lock (Gate)
        {
            var rejected = 0;
            for (var index = 0; index < batch.Sessions.Count; index++)
            {
                var session = batch.Sessions[index];
                if (rejected == reply.Rejected.Count || reply.Rejected[rejected].Index != index)
                    SessionQueue.Accept(batch.Kind, session);
                else if (_queue.Reject(batch.Kind, session, Rejection(reply.Rejected[rejected++].Reason)))
                    ended++;
            }
            if (ended > 0)
                SetTimer();
        }
        _backoff.Reset();
        (_failedStreams, _unaryWorks) = (0, false);
        _settings.Telemetry.Sessions.Add(-ended);
        if (batch.Kind != BatchKind.Beats)
            return;
        Count("accepted", reply.Accepted);
        foreach (var rejection in reply.Rejected)
            Count(rejection.Reason.ToString(), 1);
    }

    /// <summary>The server accepted a single call.</summary>
    public void Accept(BatchKind kind, PresenceSession session)
    {
        lock (Gate)
            SessionQueue.Accept(kind, session);
        _backoff.Reset();
        NoteAnswer();
        if (kind == BatchKind.Beats)
            Count("accepted", 1);
    }

    /// <summary>The server rejected a single call.</summary>
    public void Reject(BatchKind kind, PresenceSession session, PresenceException error)
    {
        bool hasEnded;
        lock (Gate)
        {
            hasEnded = _queue.Reject(kind, session, error);
            SetTimer();
        }
        _settings.Telemetry.Sessions.Add(hasEnded ? -1 : 0);
        if (kind == BatchKind.Beats)
            Count(error.Reason.ToString(), 1);
    }

    /// <summary>Follows the pace of the server.</summary>
    public void SetPace(Duration? interval, Duration? sessionTimeout)
    {
        lock (Gate)
        {
            var before = _queue.Schedule.Interval;
            _queue.SetPace(interval?.ToTimeSpan() ?? default, sessionTimeout?.ToTimeSpan() ?? default);
            if (_queue.Schedule.Interval == before)
                return;
            SetTimer();
        }
        Wake();
    }

    private async Task RunAsync()
    {
        while (true)
        {
            while (IsEmpty && !_closing.Task.IsCompleted)
                await WaitAsync().ConfigureAwait(false);
            if (IsEmpty || _abort.IsCancellationRequested)
                return;
            _triedUnary = !_triedUnary && _failedStreams >= FailedStreamsBeforeUnary;
            var error = await (_triedUnary ? RunUnaryAsync() : RunStreamAsync()).ConfigureAwait(false);
            if (error is not null)
                await RecoverAsync(error).ConfigureAwait(false);
        }
    }

    /// <summary>Sends over one stream until it ends. Returns why, or null if the group closed it.</summary>
    private async Task<CallError?> RunStreamAsync()
    {
        _replacesStream = false;
        using var attempt = CancellationTokenSource.CreateLinkedTokenSource(_abort.Token);
        using var timeout = new ReplyTimeout(_settings.Time, GetReplyTimeout, () => TryCancel(attempt));
        HeartbeatStream? stream = null;
        try
        {
            var headers = await _authorization.GetAsync(_abort.Token).ConfigureAwait(false);
            using var renewal = new TokenRenewal(_authorization, _settings.Time, ReplaceStream);
            using var call = _client.StreamHeartbeats(headers, cancellationToken: attempt.Token);
            stream = new HeartbeatStream(this, call, timeout);
            _settings.Telemetry.Connections.Add(1, new KeyValuePair<string, object?>("kind", "heartbeats"));
            if (_options.EndSessionsOnDisconnect)
                MakeAllDue();
            await stream.RunAsync(new HeartbeatStreamStart
            {
                ServiceSid = _settings.ServiceSid,
                EndSessionsOnClose = _options.EndSessionsOnDisconnect,
            }).ConfigureAwait(false);
            return null;
        }
        catch (RpcException) when (timeout.HasElapsed)
        {
            return Broken(CallError.Broken("The server did not answer in time."), stream!);
        }
        catch (RpcException error)
        {
            return Broken(CallError.From(error), stream!);
        }
        catch (CredentialsException error)
        {
            return CallError.Broken(error.Message);
        }
        catch (OperationCanceledException) when (_abort.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception unexpected)
        {
            // Whatever the transport throws, the sessions must go on.
            return CallError.Broken($"{unexpected.GetType()}: {unexpected.Message}");
        }
        finally
        {
            TakeBack(stream?.TakeUnanswered() ?? []);
        }
    }

    /// <summary>
    /// Sends what is due by single calls, and for a while if they worked before. Returns why they fail, or null when a stream is to be
    /// tried again.
    /// </summary>
    private async Task<CallError?> RunUnaryAsync()
    {
        var calls = new UnaryHeartbeats(this, _settings, _client);
        var until = Now;
        if (_unaryWorks)
        {
            until += UnaryPeriod;
            _settings.Telemetry.Connections.Add(1, new KeyValuePair<string, object?>("kind", "unary"));
            Log.StreamsBreak(_settings.Logger, UnaryPeriod);
        }
        try
        {
            do
            {
                if (!TryTake(out var batch))
                {
                    if (ClosesStream)
                        return null;
                    await WaitAsync().ConfigureAwait(false);
                    continue;
                }
                CallError? error = CallError.Broken("The provider of access tokens failed.");
                try
                {
                    var headers = await _authorization.GetAsync(_abort.Token).ConfigureAwait(false);
                    error = await calls.SendAsync(batch, headers, _abort.Token).ConfigureAwait(false);
                }
                finally
                {
                    if (error is not null)
                        TakeBack([batch]);
                }
                if (error is not null)
                    return error;
                _unaryWorks = true;
            }
            while (Now < until || !_unaryWorks);
            return null;
        }
        catch (CredentialsException error)
        {
            return CallError.Broken(error.Message);
        }
        catch (OperationCanceledException) when (_abort.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception unexpected)
        {
            return CallError.Broken($"{unexpected.GetType()}: {unexpected.Message}");
        }
    }

    // A stream that carried no answer, and whose end does not come from the server, may be broken by something in between.
    private CallError Broken(CallError error, HeartbeatStream stream)
    {
        _failedStreams = stream.HasWorked || error.IsOfServer ? 0 : _failedStreams + 1;
        if (error is { IsOfServer: false, Status.StatusCode: StatusCode.Unimplemented })
            _failedStreams = FailedStreamsBeforeUnary;
        return error;
    }

    private async Task RecoverAsync(CallError error)
    {
        if (_abort.IsCancellationRequested || (_closing.Task.IsCompleted && IsEmpty))
            return;
        _settings.Telemetry.Disconnections.Add(
            1, new("kind", "heartbeats"), new("reason", error.IsOfServer ? error.Reason.ToString() : error.Status.StatusCode.ToString()));
        if (error.IsFinal || (error.IsUnauthenticated && !CanRenewAfter(error)))
        {
            int failed;
            lock (Gate)
                failed = _queue.FailAll(error.ToException());
            _settings.Telemetry.Sessions.Add(-failed);
            Log.HeartbeatsRejected(_settings.Logger, failed, error.ToString());
            return;
        }
        if (error.IsUnauthenticated)
            _authorization.Forget();
        var delay = _backoff.Next(error.RetryDelay);
        _wasInterrupted |= !error.IsRoutine;
        if (!error.IsRoutine)
            Log.HeartbeatsInterrupted(_settings.Logger, error.ToString(), delay);
        // A client that is disposed of tries again at once, and then as long as it has time.
        var isClosing = _closing.Task.IsCompleted;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_abort.Token);
        var waited = Task.Delay(delay, _settings.Time, stop.Token);
        await Task.WhenAny(isClosing ? [waited] : [waited, _closing.Task]).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
    }

    private bool CanRenewAfter(CallError error) => _authorization.IsRenewable && (!_authorization.WasFresh || error.Reason
        is ErrorReason.AccessTokenExpired
        or ErrorReason.AccessTokenNotYetValid
        or ErrorReason.ApiKeyRevoked);

    private void ReplaceStream()
    {
        _replacesStream = true;
        Wake();
    }

    private void TakeBack(IEnumerable<Batch> unanswered)
    {
        lock (Gate)
        {
            foreach (var batch in unanswered)
                _queue.TakeBack(batch, Now);
        }
    }

    private void MakeAllDue()
    {
        lock (Gate)
            _queue.Schedule.MakeAllDue();
    }

    private TimeSpan GetReplyTimeout()
    {
        var third = _queue.SessionTimeout / 3;
        return third < ShortestReplyTimeout ? ShortestReplyTimeout : third > LongestReplyTimeout ? LongestReplyTimeout : third;
    }

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
        var delay = _queue.Schedule.Count > 0 ? _queue.Schedule.Turn(Now) : IdlePeriod;
        // Timers cut off what is less than a millisecond, and would fire too early.
        _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(delay.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
    }

    private void NoteAnswer()
    {
        if (!_wasInterrupted)
            return;
        _wasInterrupted = false;
        Log.HeartbeatsResumed(_settings.Logger);
    }

    private void Count(string outcome, int count)
    {
        if (count > 0)
            _settings.Telemetry.Heartbeats.Add(count, new KeyValuePair<string, object?>("outcome", outcome));
    }

    private static PresenceException Rejection(ErrorReason reason) =>
        new(StatusOf(reason), reason, $"The server rejected a heartbeat: {reason}.");

    private static StatusCode StatusOf(ErrorReason reason) => reason switch
    {
        ErrorReason.UserNotFound => StatusCode.NotFound,
        ErrorReason.SessionEnded => StatusCode.FailedPrecondition,
        ErrorReason.QuotaExceeded => StatusCode.ResourceExhausted,
        ErrorReason.StorageUnavailable => StatusCode.Unavailable,
        ErrorReason.PermissionDenied => StatusCode.PermissionDenied,
        _ => StatusCode.InvalidArgument,
    };

    private static void TryCancel(CancellationTokenSource source)
    {
        try
        {
            source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The stream has ended meanwhile.
        }
    }
}

/// <summary>The settings of sessions.</summary>
/// <param name="EndSessionsOnDisconnect">Whether sessions end soon after the connection is lost.</param>
/// <param name="EndTimeout">How long disposal waits for the server.</param>
internal sealed record SessionSettings(bool EndSessionsOnDisconnect, TimeSpan EndTimeout);
