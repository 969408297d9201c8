using System.Diagnostics;
using Grpc.Core;
using GrpcPresence.V1;

namespace GrpcPresence.Samples.Gateway;

/// <summary>
/// One heartbeat stream, from its start to its end:
/// <list type="number">
/// <item>Send the start. Its reply has the interval at which each session must beat.</item>
/// <item>Send a beat of every session at once, because leases ran while there was no stream.</item>
/// <item>Send the groups one after another, so that each comes round once an interval. The latest reply sets the pace.</item>
/// <item>Meanwhile take in the replies. The server answers each message once, in order.</item>
/// </list>
/// Sending does not wait for replies: a reply that waits for the store must not keep the leases of other groups from being renewed.
/// </summary>
internal sealed class HeartbeatStream(
    AsyncDuplexStreamingCall<StreamHeartbeatsRequest, StreamHeartbeatsResponse> call,
    ConnectedUser[][] groups,
    BeatCounts counts,
    Backoff backoff)
{
    private readonly Queue<ConnectedUser[]> _unanswered = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan _interval;

    /// <summary>Beats until <paramref name="stop"/>, then closes the stream.</summary>
    /// <exception cref="RpcException">The server ended the stream.</exception>
    public async Task RunAsync(string serviceSid, CancellationToken stop)
    {
        await SendStartAsync(serviceSid);
        if (!await call.ResponseStream.MoveNext(stop))
            return;
        _interval = call.ResponseStream.Current.HeartbeatInterval.ToTimeSpan();
        counts.Streams++;
        Console.WriteLine($"connected; the interval is {_interval.TotalSeconds} s");

        var reply = ReadReplyAsync();
        var nextDue = _clock.Elapsed;
        for (var sent = 0; !stop.IsCancellationRequested; sent++)
        {
            var due = Task.Delay(Max(nextDue - _clock.Elapsed, TimeSpan.Zero), stop);
            while (await Task.WhenAny(due, reply) == reply)
            {
                if (!await reply)
                    throw new RpcException(new Status(StatusCode.Unavailable, "The server closed the stream."));
                TakeIn(call.ResponseStream.Current);
                reply = ReadReplyAsync();
            }
            if (stop.IsCancellationRequested || !await TrySendAsync(groups[sent % groups.Length]))
                break;
            if (sent >= groups.Length - 1)
                nextDue = Max(nextDue, _clock.Elapsed - _interval) + _interval / groups.Length;
            if ((sent + 1) % groups.Length == 0)
                Console.WriteLine(counts);
        }

        if (stop.IsCancellationRequested)
            await call.RequestStream.CompleteAsync();
        for (; await reply; reply = ReadReplyAsync())
            TakeIn(call.ResponseStream.Current);
    }

    // Without a token: to cancel a read would cancel the whole stream instead of closing it.
    private Task<bool> ReadReplyAsync() => call.ResponseStream.MoveNext(CancellationToken.None);

    private Task SendStartAsync(string serviceSid) => call.RequestStream.WriteAsync(new StreamHeartbeatsRequest
    {
        // When this gateway closes the stream, its users go offline after the configuration's offline_debounce. When the server ends the
        // stream, leases stay as they are.
        Start = new HeartbeatStreamStart { ServiceSid = serviceSid, EndSessionsOnClose = true },
    });

    // False when the stream has ended. The read, not the write, has the error of the server.
    private async Task<bool> TrySendAsync(ConnectedUser[] group)
    {
        var users = Array.FindAll(group, user => user.IsBeating);
        var message = new StreamHeartbeatsRequest { Beats = new HeartbeatStreamBeats() };
        message.Beats.Beats.AddRange(users.Select(user => new SessionBeat { UserKey = user.Identity, SessionId = user.SessionId }));
        try
        {
            await call.RequestStream.WriteAsync(message);
        }
        catch (Exception ended) when (ended is RpcException or InvalidOperationException)
        {
            return false;
        }
        _unanswered.Enqueue(users);
        return true;
    }

    private void TakeIn(StreamHeartbeatsResponse reply)
    {
        var users = _unanswered.Dequeue();
        _interval = reply.HeartbeatInterval.ToTimeSpan();
        counts.AddAccepted(reply.Accepted);
        foreach (var rejected in reply.Rejected)
            Handle(users[rejected.Index], rejected.Reason);
        backoff.Reset();
    }

    private void Handle(ConnectedUser user, ErrorReason reason)
    {
        counts.AddRejected(reason);
        switch (reason)
        {
            case ErrorReason.SessionEnded:
                // The device is still connected, so the user gets a new session.
                user.RenewSession();
                break;
            case ErrorReason.StorageUnavailable or ErrorReason.QuotaExceeded:
                // The next beat is the retry. After STORAGE_UNAVAILABLE the lease was renewed all the same.
                break;
            default:
                // An invalid field, or an unknown user that the configuration forbids to create.
                Console.WriteLine($"{user.Identity}: {reason}; no further heartbeats");
                user.Stop();
                break;
        }
    }

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
