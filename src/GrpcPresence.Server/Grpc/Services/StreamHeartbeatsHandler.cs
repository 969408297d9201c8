using System.Threading.Channels;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Grpc.Mapping;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Security.Quotas;
using GrpcPresence.Server.Streams;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>
/// <c>StreamHeartbeats</c>: one loop reads and renews leases, which never waits for a commit; another answers, in order. One stream, one instance.
/// </summary>
internal sealed class StreamHeartbeatsHandler(
    ServiceCache services,
    UserResolver users,
    PresenceTracker tracker,
    CallQuotas quotas,
    Caller caller,
    TimeProvider time,
    CancellationToken stopping) : IDisposable
{
    private readonly Channel<HeartbeatReply> _replies = Channel.CreateUnbounded<HeartbeatReply>(new() { SingleReader = true, SingleWriter = true });
    private readonly Queue<HeartbeatReply> _outstanding = new(); // guarded by itself: the reading loop adds, the answering loop removes
    private readonly SemaphoreSlim _slots = new(Limits.OutstandingHeartbeatReplies);
    private CachedService? _service; // null until start was read
    private IDisposable? _place; // among the open streams; null until start was read
    private bool _isOverQuota; // by the message that was read last

    /// <summary>Serves the stream until it ends.</summary>
    public async Task RunAsync(
        IAsyncStreamReader<V1.StreamHeartbeatsRequest> input,
        IServerStreamWriter<V1.StreamHeartbeatsResponse> output,
        ServerCallContext context)
    {
        var stream = await StartAsync(input, context);
        await EnqueueAsync(new HeartbeatReply(entries: 0, time.GetTimestamp()), context);
        var answering = AnswerAsync(output);
        try
        {
            await ReadAsync(input, stream, context);
            tracker.Close(stream);
        }
        catch (Exception ended) when (IsEndOfCall(ended, context) && !stopping.IsCancellationRequested)
        {
            // The client went away, which closes the stream as well. What the server ends closes nothing.
            if (!await StreamEnd.IsByServerAsync(context.GetHttpContext()))
                tracker.Close(stream);
            throw;
        }
        finally
        {
            // What was read is answered, whatever came after it; nobody waits for the store any more when the call is over.
            _replies.Writer.TryComplete();
            if (context.CancellationToken.IsCancellationRequested)
                HurryAll();
            await answering.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await answering;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _place?.Dispose();
        _slots.Dispose();
    }

    // Reading may notice that the client is gone before the token does.
    private static bool IsEndOfCall(Exception ended, ServerCallContext context) =>
        context.CancellationToken.IsCancellationRequested || ended is RpcException { StatusCode: StatusCode.Cancelled };

    private async Task<HeartbeatStream> StartAsync(IAsyncStreamReader<V1.StreamHeartbeatsRequest> input, ServerCallContext context)
    {
        if (!await BeginsAsync(input, context) || input.Current.Start is not { } start)
            throw Violated("must begin with start");
        var reader = new RequestReader();
        var sid = reader.Service(start.ServiceSid, "start.service_sid");
        reader.ThrowIfInvalid();
        _service = await services.GetAsync(sid, context.CancellationToken);
        _place = await quotas.OpenHeartbeatsAsync(_service, caller, context.CancellationToken);
        return new HeartbeatStream(start.EndSessionsOnClose);
    }

    /// <summary>Waits for the first message, and not for ever: until then the stream is in nobody's quota but its caller's.</summary>
    private async Task<bool> BeginsAsync(IAsyncStreamReader<V1.StreamHeartbeatsRequest> input, ServerCallContext context)
    {
        // Not the call's token: of a call that is over, the read says so.
        using var begun = new CancellationTokenSource();
        try
        {
            return await input.MoveNextUntilAsync(Task.Delay(Limits.HeartbeatStreamStart, time, begun.Token), context.CancellationToken)
                ?? throw Violated($"must begin with start within {Limits.HeartbeatStreamStart.TotalSeconds} s");
        }
        finally
        {
            await begun.CancelAsync();
        }
    }

    private async Task ReadAsync(IAsyncStreamReader<V1.StreamHeartbeatsRequest> input, HeartbeatStream stream, ServerCallContext context)
    {
        while (await NextAsync(input, context))
        {
            var message = input.Current;
            var reply = message.MessageCase switch
            {
                V1.StreamHeartbeatsRequest.MessageOneofCase.Beats => await BeatAsync(message.Beats.Beats, stream, context),
                V1.StreamHeartbeatsRequest.MessageOneofCase.Ends => await EndAsync(message.Ends.Ends, context),
                V1.StreamHeartbeatsRequest.MessageOneofCase.Start => throw Violated("start stands only at the beginning"),
                _ => throw Violated("a message must say something"),
            };
            await EnqueueAsync(reply, context);
            if (_isOverQuota)
                await quotas.HoldAsync(_service!, caller, context.CancellationToken);
        }
    }

    private async ValueTask<HeartbeatReply> BeatAsync(IReadOnlyList<V1.SessionBeat> beats, HeartbeatStream stream, ServerCallContext context)
    {
        var (reply, entries) = Parse(beats, "beats.beats");
        var addresses = new UserRef?[entries.Keys.Count];
        var missing = ErrorReason.UserNotFound;
        try
        {
            await users.ResolveAsync(_service!, entries.Keys.ToArray(), addresses, context.CancellationToken);
        }
        catch (PresenceException unread)
        {
            // Those who needed no read are renewed all the same.
            missing = unread.Reason;
        }
        for (var i = 0; i < addresses.Length; i++)
        {
            var (index, session) = entries.Sessions[i];
            if (addresses[i] is { } address)
                reply.Add(index, tracker.Beat(_service!, address, session, stream));
            else
                reply.Reject(index, missing);
        }
        return reply;
    }

    private async ValueTask<HeartbeatReply> EndAsync(IReadOnlyList<V1.SessionBeat> ends, ServerCallContext context)
    {
        var (reply, entries) = Parse(ends, "ends.ends");
        for (var i = 0; i < entries.Keys.Count; i++)
        {
            var (index, session) = entries.Sessions[i];
            try
            {
                var address = await users.ResolveExistingAsync(_service!, entries.Keys[i], context.CancellationToken);
                reply.Add(index, tracker.EndSession(_service!, address, session));
            }
            catch (PresenceException refusal)
            {
                reply.Reject(index, refusal.Reason);
            }
        }
        return reply;
    }

    /// <summary>The entries that are well-formed and within the quotas; the others are rejected in the reply. A list that is too long ends the stream.</summary>
    private (HeartbeatReply Reply, (List<UserKey> Keys, List<(int Index, SessionId Id)> Sessions) Entries) Parse(
        IReadOnlyList<V1.SessionBeat> beats, string field)
    {
        if (beats.Count > Limits.BeatsPerMessage)
            throw new PresenceException([new Violation(field, ErrorReason.FieldTooLong, $"must have at most {Limits.BeatsPerMessage} entries")]);
        var reply = new HeartbeatReply(beats.Count, time.GetTimestamp());
        var keys = new List<UserKey>(beats.Count);
        var sessions = new List<(int, SessionId)>(beats.Count);
        for (var i = 0; i < beats.Count; i++)
        {
            if (UserKey.TryParse(beats[i].UserKey, out var key) && SessionId.TryParse(beats[i].SessionId, out var session))
            {
                keys.Add(key);
                sessions.Add((i, session));
            }
            else
            {
                reply.Reject(i, ReasonOf(beats[i]));
            }
        }
        var granted = keys.Count == 0 ? 0 : quotas.ChargeHeartbeats(_service!, caller, keys.Count);
        _isOverQuota = granted < keys.Count;
        foreach (var (index, _) in sessions.Skip(granted))
            reply.Reject(index, ErrorReason.QuotaExceeded);
        keys.RemoveRange(granted, keys.Count - granted);
        sessions.RemoveRange(granted, sessions.Count - granted);
        return (reply, (keys, sessions));
    }

    private static ErrorReason ReasonOf(V1.SessionBeat beat)
    {
        var reader = new RequestReader();
        reader.User(beat.UserKey);
        reader.Session(beat.SessionId);
        return reader.FirstReason;
    }

    private async ValueTask EnqueueAsync(HeartbeatReply reply, ServerCallContext context)
    {
        lock (_outstanding)
            _outstanding.Enqueue(reply);
        _replies.Writer.TryWrite(reply);
        var slot = _slots.WaitAsync(context.CancellationToken);
        if (!slot.IsCompleted)
            await HurryOldestAsync(slot);
        await slot;
    }

    /// <summary>
    /// Too many wait. A store that works makes room in a moment; where it does not, the oldest is answered without it, so that reading goes on and
    /// leases are renewed. What is left to wait for is the client, who has to read the answer.
    /// </summary>
    private async Task HurryOldestAsync(Task slot)
    {
        HeartbeatReply? oldest;
        lock (_outstanding)
            _outstanding.TryPeek(out oldest);
        if (oldest is null)
            return;
        var patience = Limits.HeartbeatReplyPatience - time.GetElapsedTime(oldest.ReadAt);
        if (patience > TimeSpan.Zero)
            await Task.WhenAny(slot, Task.Delay(patience, time));
        if (!slot.IsCompleted)
            oldest.Hurry();
    }

    private void HurryAll()
    {
        lock (_outstanding)
        {
            foreach (var reply in _outstanding)
                reply.Hurry();
        }
    }

    private async Task AnswerAsync(IServerStreamWriter<V1.StreamHeartbeatsResponse> output)
    {
        await foreach (var reply in _replies.Reader.ReadAllAsync())
        {
            var message = await reply.BuildAsync();
            var configuration = _service!.Configuration;
            message.HeartbeatInterval = configuration.HeartbeatInterval.ToDuration();
            message.SessionTimeout = configuration.SessionTimeout.ToDuration();
            message.ReachabilityEnabled = configuration.ReachabilityEnabled;
            await output.WriteAsync(message);
            lock (_outstanding)
                _outstanding.Dequeue();
            _slots.Release();
        }
    }

    /// <summary>Waits for the next message; refuses when the service instance is deleted meanwhile.</summary>
    private async Task<bool> NextAsync(IAsyncStreamReader<V1.StreamHeartbeatsRequest> input, ServerCallContext context) =>
        await input.MoveNextUntilAsync(_service!.Deleted, context.CancellationToken)
        ?? throw PresenceErrors.ServiceInstanceNotFound(_service.Sid);

    private static PresenceException Violated(string description) =>
        new([new Violation("message", ErrorReason.StreamProtocolViolated, description)]);
}
