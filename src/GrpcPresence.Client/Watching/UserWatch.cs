using System.Diagnostics;
using Grpc.Core;
using GrpcPresence.Client.Connections;
using GrpcPresence.Client.Telemetry;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Watching;

/// <summary>
/// A watch across any number of streams:
/// <list type="number">
/// <item>Open a stream with the last resume token, or without one for a snapshot.</item>
/// <item>Take each message into the state, then raise what it changed, then keep its token.</item>
/// <item>When the stream ends, wait as the server asks and a random time more, and begin again at 1. Only an error of the server that no
/// retry can help ends the watch.</item>
/// </list>
/// </summary>
internal sealed class UserWatch : IUserWatch
{
    // `progress` arrives after 15 s of silence (plus or minus 10 %), so two of them are missing.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(40);

    private readonly ConnectionSettings _settings;
    private readonly UserService.UserServiceClient _client;
    private readonly WatchOptions _options;
    private readonly Action<UserWatch> _onEnded;
    private readonly CallAuthorization _authorization;
    private readonly LocalUsers _local;
    private readonly Backoff _backoff;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly UpdateReaders _readers = new();
    private Task _run = Task.CompletedTask;
    private volatile WatchState _state = WatchState.Resuming;
    private PresenceException? _error;
    private Activity? _syncing;

    public UserWatch(
        ConnectionSettings settings, UserService.UserServiceClient client, WatchOptions options, string identity, Action<UserWatch> onEnded)
    {
        _settings = settings;
        _client = client;
        _options = options;
        _onEnded = onEnded;
        _authorization = settings.AuthorizationFor(identity);
        _local = new LocalUsers(options.View, WatchRequests.ReasonsOf(options));
        _backoff = settings.NewBackoff();
    }

    public event EventHandler<UserUpdate>? Updated;

    public event EventHandler? StateChanged;

    public IReadOnlyDictionary<string, PresenceUser> Users => _local.Users;

    public bool IsReachabilityEnabled => _local.IsReachabilityEnabled;

    public WatchState State => _state;

    public Task Completion => _completion.Task;

    /// <summary>Completes when the watch has all users, or fails when the server rejects it.</summary>
    public Task Synced => _synced.Task;

    public PresenceUser this[string identity] =>
        _local.Users.TryGetValue(identity, out var user) ? user : new PresenceUser { Identity = identity };

    public IAsyncEnumerable<UserUpdate> ReadUpdatesAsync(CancellationToken cancellationToken = default) => _readers.Add(cancellationToken);

    /// <summary>Begins to watch.</summary>
    public void Start()
    {
        _settings.Telemetry.Watches.Add(1);
        _run = BackgroundWork.Run(RunAsync);
    }

    public async ValueTask DisposeAsync()
    {
        _stop.TryCancel();
        await _settings.Handlers.WaitForAsync(_run).ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        try
        {
            while (!_stop.IsCancellationRequested)
            {
                var error = await ReadStreamAsync().ConfigureAwait(false);
                if (_stop.IsCancellationRequested || (error is not null && !await TryRecoverAsync(error).ConfigureAwait(false)))
                    break;
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Disposed while it waited.
        }
        catch (Exception unexpected)
        {
            _error = new PresenceException(StatusCode.Unknown, ErrorReason.Unspecified, unexpected.Message, unexpected);
        }
        End();
    }

    /// <summary>Reads one stream to its end. Returns why it ended, or null to open the next one at once.</summary>
    private async Task<CallError?> ReadStreamAsync()
    {
        _local.BeginStream();
        _syncing = GuardedActivities.Start("presence.watch.sync");
        using var attempt = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var departure = new Departure(attempt);
        try
        {
            var headers = await _authorization.GetAsync(_stop.Token).ConfigureAwait(false);
            // The timers are disposed of before the source that they cancel.
            using var silence = _settings.Timers.Create(() => departure.Leave(DepartureReason.Silence));
            silence.Set(LongestSilence);
            using var renewal = new TokenRenewal(
                _authorization, _settings.Timers, () => departure.Leave(DepartureReason.RenewedToken));
            using var call = _client.WatchUsers(
                WatchRequests.Create(_settings.ServiceSid, _options, _local.ResumeToken), headers, cancellationToken: attempt.Token);
            _settings.Telemetry.Connections.Add(1, new KeyValuePair<string, object?>("kind", "watch"));
            while (await call.ResponseStream.MoveNext(CancellationToken.None).ConfigureAwait(false))
            {
                // Handlers of the program may take long. Meanwhile nothing is read, so the server is not the one that is silent.
                silence.Stop();
                Take(call.ResponseStream.Current);
                silence.Set(LongestSilence);
            }
            return CallError.Broken("The stream ended without a reason.");
        }
        catch (Exception) when (_stop.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception ended)
        {
            return ErrorOf(ended, departure.Reason);
        }
        finally
        {
            // Only a stream that never became synced has one left.
            _syncing?.SetStatus(ActivityStatusCode.Error).TryStop();
            _syncing = null;
        }
    }

    /// <summary>
    /// Returns why a stream ended, or null to open the next one at once:
    /// <list type="number">
    /// <item>A reason that the server gave, even if this client left meanwhile. But a token that has been renewed is rejected too late.
    /// </item>
    /// <item>The reason for which this client left. After a renewal the next stream has the new token, and resumes where this one ended.
    /// </item>
    /// <item>Whatever the transport threw: the watch must go on.</item>
    /// </list>
    /// </summary>
    private CallError? ErrorOf(Exception ended, DepartureReason left)
    {
        if (ended is CredentialsException provider)
            Log.ProviderFailed(_settings.Logger, provider);
        var error = ended switch
        {
            RpcException failed => CallError.From(failed),
            CredentialsException failed => CallError.Broken(failed.Message),
            _ => CallError.Broken($"{ended.GetType()}: {ended.Message}"),
        };
        return left switch
        {
            DepartureReason.RenewedToken when !error.IsOfServer || error.IsUnauthenticated => null,
            DepartureReason.Silence when !error.IsOfServer =>
                CallError.Broken($"The server was silent for {LongestSilence.TotalSeconds} s."),
            _ => error,
        };
    }

    /// <summary>Waits until the next stream may be opened. False if none can help.</summary>
    private async Task<bool> TryRecoverAsync(CallError error)
    {
        _settings.Telemetry.Disconnections.Add(
            1, new("kind", "watch"), new("reason", error.IsOfServer ? error.Reason.ToString() : error.Status.StatusCode.ToString()));
        if (error.Reason == ErrorReason.ResumeTokenInvalid && _local.ResumeToken.Length > 0)
        {
            _local.ForgetToken();
            return true;
        }
        if (error.IsFinal || (error.IsUnauthenticated && !_authorization.CanRetryAfter(error)))
        {
            Log.WatchRejected(_settings.Logger, error.ToString());
            _error = error.ToException();
            return false;
        }
        if (error.IsUnauthenticated)
            _authorization.Forget();
        // A stream that ended because of its age is replaced without being noticed, unless the next one does not come.
        if (!error.IsRoutine)
            SetState(WatchState.Resuming);
        var delay = _backoff.Next(error.RetryDelay);
        if (!error.IsRoutine)
            Log.WatchInterrupted(_settings.Logger, error.ToString(), delay);
        await Task.Delay(delay, _settings.Time, _stop.Token).ConfigureAwait(false);
        return true;
    }

    private void Take(WatchUsersResponse message)
    {
        if (message.Reset is { } reset)
            _settings.Telemetry.Resets.Add(1, new KeyValuePair<string, object?>("reason", reset.Reason.ToString()));
        var changes = _local.Take(message);
        if (changes.Count > 0)
            Raise(changes);
        if (message.Synced is null)
            return;
        _syncing?.SetTag("presence.users", _local.Users.Count).TryStop();
        _syncing = null;
        _authorization.NoteAccepted();
        _backoff.Reset();
        if (_synced.Task.IsCompleted && _state != WatchState.Live)
            Log.WatchResumed(_settings.Logger);
        SetState(WatchState.Live);
        _synced.TrySetResult();
    }

    private void Raise(IReadOnlyList<UserUpdate> changes)
    {
        _settings.Telemetry.Updates.Add(changes.Count);
        _readers.Add(changes);
        var handlers = Updated?.GetInvocationList() ?? [];
        foreach (var change in changes)
        {
            // One by one: a handler that fails must not keep the change from the others.
            foreach (var handler in handlers)
                Call(() => ((EventHandler<UserUpdate>)handler)(this, change));
        }
    }

    private void SetState(WatchState state)
    {
        if (_state == state)
            return;
        _state = state;
        foreach (var handler in StateChanged?.GetInvocationList() ?? [])
            Call(() => ((EventHandler)handler)(this, EventArgs.Empty));
    }

    private void Call(Action handler)
    {
        try
        {
            _settings.Handlers.Call(handler);
        }
        catch (Exception failed)
        {
            Log.HandlerFailed(_settings.Logger, failed);
        }
    }

    private void End()
    {
        _readers.Complete(_error);
        _settings.Telemetry.Watches.Add(-1);
        _onEnded(this);
        SetState(WatchState.Ended);
        if (_error is not null)
        {
            _synced.TrySetException(_error);
            _completion.TrySetException(_error);
            // A program need not look at it.
            _ = _completion.Task.Exception;
        }
        else
        {
            _synced.TrySetException(new ObjectDisposedException(nameof(IUserWatch)));
            _completion.TrySetResult();
        }
        _ = _synced.Task.Exception;
        _stop.Dispose();
    }
}
