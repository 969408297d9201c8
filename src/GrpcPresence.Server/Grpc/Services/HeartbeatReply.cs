using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Presence;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>
/// The reply to one message of a heartbeat stream while it takes shape: entries are rejected at once, or accepted when what they made visible is
/// stored.
/// </summary>
/// <param name="entries">How many entries the message has.</param>
/// <param name="readAt">When the message was read, as a timestamp.</param>
internal sealed class HeartbeatReply(int entries, long readAt)
{
    private readonly TaskCompletionSource _hurried = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SortedList<int, ErrorReason> _rejected = [];
    private List<(int Index, Task Stored)>? _pending;

    /// <summary>When the message was read, as a timestamp.</summary>
    public long ReadAt => readAt;

    /// <summary>Rejects an entry.</summary>
    public void Reject(int index, ErrorReason reason) => _rejected.Add(index, reason);

    /// <summary>Takes what became of an entry.</summary>
    public void Add(int index, HeartbeatResult result)
    {
        if (result.Rejection is { } reason)
            Reject(index, reason);
        else
            Add(index, result.Stored);
    }

    /// <summary>Takes an entry that is accepted when the task completes.</summary>
    public void Add(int index, Task stored)
    {
        if (!stored.IsCompletedSuccessfully)
            (_pending ??= []).Add((index, stored));
    }

    /// <summary>Stops waiting: what is not stored by now is rejected, and the leases stand.</summary>
    public void Hurry() => _hurried.TrySetResult();

    /// <summary>The reply, when all that it waits for is stored or it was hurried.</summary>
    public async ValueTask<V1.StreamHeartbeatsResponse> BuildAsync()
    {
        foreach (var (index, stored) in _pending ?? [])
        {
            await Task.WhenAny(stored, _hurried.Task);
            if (!stored.IsCompletedSuccessfully)
                Reject(index, (stored.Exception?.InnerException as PresenceException)?.Reason ?? ErrorReason.StorageUnavailable);
        }
        var reply = new V1.StreamHeartbeatsResponse { Accepted = entries - _rejected.Count };
        foreach (var (index, reason) in _rejected)
            reply.Rejected.Add(new V1.RejectedBeat { Index = index, Reason = (V1.ErrorReason)reason });
        return reply;
    }
}
