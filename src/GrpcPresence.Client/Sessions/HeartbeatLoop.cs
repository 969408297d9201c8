using Grpc.Core;
using GrpcPresence.Client.Connections;
using GrpcPresence.Client.Telemetry;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Sessions;

/// <summary>
/// Carries what a group has to send to the server, across any number of streams:
/// <list type="number">
/// <item>Wait until there is something to send. A group without sessions holds no stream.</item>
/// <item>Send over one stream until it ends. What was not answered is sent again over the next one.</item>
/// <item>Where something in between breaks streams, send single calls for a while (<see cref="StreamFallback"/>).</item>
/// <item>After an error wait as the server asks and a random time more, and begin again at 1. Only an error of the server that no retry can
/// help ends the sessions.</item>
/// </list>
/// </summary>
internal sealed class HeartbeatLoop(
    SessionGroup group, ConnectionSettings settings, SessionSettings options, UserService.UserServiceClient client, string identity)
{
    private static readonly TimeSpan UnaryPeriod = TimeSpan.FromMinutes(10);

    private readonly CallAuthorization _authorization = settings.AuthorizationFor(identity);
    private readonly Backoff _backoff = settings.NewBackoff();
    private readonly StreamFallback _fallback = new();

    /// <summary>Runs until the group is closed and everything is sent, or until it is given up. It never fails.</summary>
    public async Task RunAsync(CancellationToken abort)
    {
        try
        {
            while (true)
            {
                while (group.IsEmpty && !group.Closing.IsCompleted)
                    await group.WaitAsync().ConfigureAwait(false);
                if (group.IsEmpty || abort.IsCancellationRequested)
                    return;
                await RunOnceAsync(abort).ConfigureAwait(false);
            }
        }
        catch (Exception)
        {
            // A mistake of this client. The sessions end below, and say so.
        }
        finally
        {
            // Whatever has ended the loop, nothing may wait for it.
            group.Close(new PresenceException(StatusCode.Cancelled, ErrorReason.Unspecified, "The client was disposed."));
        }
    }

    private async Task RunOnceAsync(CancellationToken abort)
    {
        try
        {
            var error = await (_fallback.IsUnaryNext() ? RunUnaryAsync(abort) : RunStreamAsync(abort)).ConfigureAwait(false);
            if (error is not null)
                await RecoverAsync(error, abort).ConfigureAwait(false);
        }
        catch (Exception unexpected)
        {
            // A mistake of this client. Sessions that nobody keeps alive any more must not look alive.
            var error = new PresenceException(StatusCode.Unknown, ErrorReason.Unspecified, unexpected.Message, unexpected);
            FailAll(error, $"{unexpected.GetType()}: {unexpected.Message}");
        }
    }

    /// <summary>Sends over one stream until it ends. Returns why, or null if the group closed it.</summary>
    private async Task<CallError?> RunStreamAsync(CancellationToken abort)
    {
        using var attempt = CancellationTokenSource.CreateLinkedTokenSource(abort);
        using var timeout = new ReplyTimeout(settings.Timers, () => group.ReplyTimeout, attempt.TryCancel);
        HeartbeatStream? stream = null;
        CallError? error;
        try
        {
            var headers = await _authorization.GetAsync(abort).ConfigureAwait(false);
            using var call = client.StreamHeartbeats(headers, cancellationToken: attempt.Token);
            stream = new HeartbeatStream(group, call, timeout, _authorization.NoteAccepted);
            using var renewal = new TokenRenewal(_authorization, settings.Timers, stream.Replace);
            settings.Telemetry.Connections.Add(1, new KeyValuePair<string, object?>("kind", "heartbeats"));
            if (options.EndSessionsOnDisconnect)
                group.MakeAllDue();
            await stream.RunAsync(new HeartbeatStreamStart
            {
                ServiceSid = settings.ServiceSid,
                EndSessionsOnClose = options.EndSessionsOnDisconnect,
            }).ConfigureAwait(false);
            error = null;
        }
        catch (Exception) when (abort.IsCancellationRequested)
        {
            error = null;
        }
        catch (RpcException failed)
        {
            error = CallError.From(failed);
            if (timeout.HasElapsed && !error.IsOfServer)
                error = CallError.Broken("The server did not answer in time.");
        }
        catch (CredentialsException failed)
        {
            Log.ProviderFailed(settings.Logger, failed);
            error = CallError.Broken(failed.Message);
        }
        catch (Exception unexpected)
        {
            // Whatever the transport throws, the sessions must go on.
            error = CallError.Broken($"{unexpected.GetType()}: {unexpected.Message}");
        }
        finally
        {
            group.TakeBack(stream?.TakeUnanswered() ?? []);
        }
        if (stream?.HasWorked == true)
        {
            _backoff.Reset();
            _fallback.NoteStreamWorked();
        }
        else if (stream is not null && error is not null)
        {
            _fallback.NoteStreamBroke(error);
        }
        return error;
    }

    /// <summary>
    /// Sends what is due by single calls, and for a while if they worked before. Returns why they fail, or null when a stream is to be
    /// tried again.
    /// </summary>
    private async Task<CallError?> RunUnaryAsync(CancellationToken abort)
    {
        var calls = new UnaryHeartbeats(group, settings, client);
        var until = group.Now;
        if (_fallback.UnaryWorks)
        {
            until += UnaryPeriod;
            settings.Telemetry.Connections.Add(1, new KeyValuePair<string, object?>("kind", "unary"));
            Log.StreamsBreak(settings.Logger, UnaryPeriod);
        }
        do
        {
            if (!group.TryTake(out var batch))
            {
                if (group.NeedsNoConnection || abort.IsCancellationRequested)
                    return null;
                await group.WaitAsync().ConfigureAwait(false);
                continue;
            }
            if (await SendAsync(calls, batch, abort).ConfigureAwait(false) is { } error)
            {
                group.TakeBack([batch]);
                return abort.IsCancellationRequested ? null : error;
            }
            _authorization.NoteAccepted();
            _backoff.Reset();
            _fallback.NoteUnaryWorked();
        }
        while (group.Now < until || !_fallback.UnaryWorks);
        return null;
    }

    private async Task<CallError?> SendAsync(UnaryHeartbeats calls, Batch batch, CancellationToken abort)
    {
        try
        {
            var headers = await _authorization.GetAsync(abort).ConfigureAwait(false);
            return await calls.SendAsync(batch, headers, abort).ConfigureAwait(false);
        }
        catch (CredentialsException failed)
        {
            Log.ProviderFailed(settings.Logger, failed);
            return CallError.Broken(failed.Message);
        }
        catch (Exception unexpected)
        {
            return CallError.Broken($"{unexpected.GetType()}: {unexpected.Message}");
        }
    }

    private async Task RecoverAsync(CallError error, CancellationToken abort)
    {
        if (abort.IsCancellationRequested || (group.Closing.IsCompleted && group.IsEmpty))
            return;
        settings.Telemetry.Disconnections.Add(
            1, new("kind", "heartbeats"), new("reason", error.IsOfServer ? error.Reason.ToString() : error.Status.StatusCode.ToString()));
        if (error.IsFinal || (error.IsUnauthenticated && !_authorization.CanRetryAfter(error)))
        {
            FailAll(error.ToException(), error.ToString());
            return;
        }
        if (error.IsUnauthenticated)
            _authorization.Forget();
        var delay = _backoff.Next(error.RetryDelay, group.LongestReconnectDelay);
        if (!error.IsRoutine)
        {
            group.NoteInterruption();
            Log.HeartbeatsInterrupted(settings.Logger, error.ToString(), delay);
        }
        // A client that is disposed of tries again at once, and then as long as it has time.
        var isClosing = group.Closing.IsCompleted;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(abort);
        var waited = Task.Delay(delay, settings.Time, stop.Token);
        await Task.WhenAny(isClosing ? [waited] : [waited, group.Closing]).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
    }

    // Where only ends of sessions were left to send, the program has nothing to hear of.
    private void FailAll(PresenceException error, string description)
    {
        if (group.FailAll(error) is > 0 and var sessions)
            Log.HeartbeatsRejected(settings.Logger, description, sessions);
    }
}
