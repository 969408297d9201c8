using System.Threading.Channels;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Server.Grpc.Services.Heartbeats;

/// <summary>
/// The reply to one message of a heartbeat stream. An entry is rejected at once, or accepted when the transition that it caused is stored.
/// </summary>
/// <param name="entries">The number of entries of the message.</param>
/// <param name="readAt">The timestamp at which the message was read.</param>
internal sealed class HeartbeatReply(int entries, long readAt)
{
    private readonly TaskCompletionSource _stopWaiting = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SortedList<int, ErrorReason> _rejected = [];
    private List<(int Index, Task Stored)>? _pending;

    /// <summary>The timestamp at which the message was read.</summary>
    public long ReadAt => readAt;

    /// <summary>Whether the quota did not cover all entries of the message.</summary>
    public bool IsOverQuota { get; set; }

    /// <summary>Rejects an entry.</summary>
    public void Reject(int index, ErrorReason reason) => _rejected.Add(index, reason);

    /// <summary>Adds the result of a heartbeat.</summary>
    public void Add(int index, HeartbeatResult result)
    {
        if (result.Rejection is { } reason)
            Reject(index, reason);
        else
            Add(index, result.Stored);
    }

    /// <summary>Adds an entry that is accepted when the task completes.</summary>
    public void Add(int index, Task stored)
    {
        if (!stored.IsCompletedSuccessfully)
            (_pending ??= []).Add((index, stored));
    }

    /// <summary>Ends the wait for the store: entries that are not stored by now are rejected, and their leases stand.</summary>
    public void StopWaiting() => _stopWaiting.TrySetResult();

    /// <summary>Returns the message when all entries are stored, or after <see cref="StopWaiting"/>.</summary>
    public async ValueTask<V1.StreamHeartbeatsResponse> BuildAsync()
    {
        foreach (var (index, stored) in _pending ?? [])
        {
            await Task.WhenAny(stored, _stopWaiting.Task);
            if (!stored.IsCompletedSuccessfully)
                Reject(index, (stored.Exception?.InnerException as PresenceException)?.Reason ?? ErrorReason.StorageUnavailable);
        }
        var reply = new V1.StreamHeartbeatsResponse { Accepted = entries - _rejected.Count };
        foreach (var (index, reason) in _rejected)
            reply.Rejected.Add(new V1.RejectedBeat { Index = index, Reason = (V1.ErrorReason)reason });
        return reply;
    }
}

/// <summary>
/// Sends the replies of one heartbeat stream in the order of their messages. The queue is bounded, so a client that does not read its
/// replies is not read either. The reading loop adds replies; one sending loop removes them.
/// </summary>
internal sealed class HeartbeatReplyQueue(
    CachedService service, IServerStreamWriter<V1.StreamHeartbeatsResponse> output, TimeProvider time) : IDisposable
{
    private readonly Channel<HeartbeatReply> _replies =
        Channel.CreateUnbounded<HeartbeatReply>(new() { SingleReader = true, SingleWriter = true }); // bounded by the capacity
    private readonly SemaphoreSlim _capacity = new(Limits.OutstandingHeartbeatReplies);

    // The replies that are not sent. The channel cannot show them, because the sending loop takes a reply before it waits for the store.
    // The queue is its own lock: the reading loop adds, the sending loop removes. StopWaiting may be called under it, which runs no
    // continuation; no await, I/O or log.
    private readonly Queue<HeartbeatReply> _unsent = new();

    /// <summary>Adds a reply, and waits until the queue has room for the next.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask AddAsync(HeartbeatReply reply, CancellationToken cancellationToken)
    {
        lock (_unsent)
            _unsent.Enqueue(reply);
        _replies.Writer.TryWrite(reply);
        var room = _capacity.WaitAsync(cancellationToken);
        if (!room.IsCompleted)
            await LimitStorageWaitAsync(room);
        await room;
    }

    /// <summary>Ends the queue: the sending loop ends after the last reply.</summary>
    public void Complete() => _replies.Writer.TryComplete();

    /// <summary>Ends the wait of all replies for the store.</summary>
    public void StopWaiting()
    {
        lock (_unsent)
        {
            foreach (var reply in _unsent)
                reply.StopWaiting();
        }
    }

    /// <summary>Sends the replies. Returns when the queue is complete and all replies are sent.</summary>
    public async Task SendAllAsync()
    {
        await foreach (var reply in _replies.Reader.ReadAllAsync())
        {
            var message = await reply.BuildAsync();
            var configuration = service.Configuration;
            message.HeartbeatInterval = configuration.HeartbeatInterval.ToDuration();
            message.SessionTimeout = configuration.SessionTimeout.ToDuration();
            message.ReachabilityEnabled = configuration.ReachabilityEnabled;
            await output.WriteAsync(message);
            lock (_unsent)
                _unsent.Dequeue();
            _capacity.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _capacity.Dispose();

    /// <summary>
    /// Limits how long a full queue waits for the store. A working store makes room quickly. Otherwise the oldest reply is sent without it,
    /// so that the stream is read and leases are renewed. After that only a client that does not read its replies keeps the queue full.
    /// </summary>
    private async Task LimitStorageWaitAsync(Task room)
    {
        HeartbeatReply? oldest;
        lock (_unsent)
            _unsent.TryPeek(out oldest);
        if (oldest is null)
            return;
        var patience = Limits.HeartbeatReplyPatience - time.GetElapsedTime(oldest.ReadAt);
        if (patience > TimeSpan.Zero)
            await Task.WhenAny(room, Task.Delay(patience, time));
        if (!room.IsCompleted)
            oldest.StopWaiting();
    }
}
