using Grpc.Core;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Sessions;

/// <summary>
/// One heartbeat stream, from its start to its end:
/// <list type="number">
/// <item>Send the start.</item>
/// <item>Send what the group has to send, and sleep while it has nothing.</item>
/// <item>Meanwhile take in the replies. The server answers each message once, in order.</item>
/// </list>
/// Sending does not wait for replies, so an answer that waits for the store does not keep other leases from being renewed.
/// </summary>
/// <param name="group">The sessions.</param>
/// <param name="call">The call.</param>
/// <param name="timeout">Notices a missing reply.</param>
/// <param name="onAccepted">Called for each reply: the server has accepted the credentials.</param>
internal sealed class HeartbeatStream(
    SessionGroup group,
    AsyncDuplexStreamingCall<StreamHeartbeatsRequest, StreamHeartbeatsResponse> call,
    ReplyTimeout timeout,
    Action onAccepted)
{
    private readonly Lock _gate = new(); // guards the two fields below; only the timer is set under it
    private readonly Queue<Batch?> _unanswered = new(); // null stands for the start
    private bool _isTakingIn; // a reply
    private volatile bool _isReplaced;
    private volatile bool _isClosed; // by this client
    private volatile bool _hasEnded; // the server sends nothing more

    /// <summary>Whether the server has answered a heartbeat or an end on this stream.</summary>
    public bool HasWorked { get; private set; }

    private bool IsAnswered
    {
        get
        {
            lock (_gate)
                return _unanswered.Count == 0;
        }
    }

    /// <summary>Runs until the group closes the stream, which ends it without an error.</summary>
    /// <exception cref="RpcException">The stream ended for another reason.</exception>
    public async Task RunAsync(HeartbeatStreamStart start)
    {
        var replies = ReadRepliesAsync();
        try
        {
            await SendAsync(null, new StreamHeartbeatsRequest { Start = start }).ConfigureAwait(false);
            while (!_hasEnded && !_isClosed)
            {
                if (group.TryTake(out var batch))
                    await SendAsync(batch, batch.ToMessage()).ConfigureAwait(false);
                else if (_isReplaced || group.NeedsNoConnection)
                    _isClosed = true;
                else
                    await group.WaitAsync().ConfigureAwait(false);
            }
            if (_isClosed)
            {
                timeout.Begin();
                await call.RequestStream.CompleteAsync().ConfigureAwait(false);
            }
        }
        catch (Exception)
        {
            // The stream has ended; with which exception depends on where the write was. The read has the error of the server.
            timeout.Begin();
        }
        try
        {
            await replies.ConfigureAwait(false);
        }
        catch (RpcException) when (_isClosed && IsAnswered)
        {
            // What the stream was for is done.
        }
        if (!_isClosed)
            throw new RpcException(new Status(StatusCode.Unavailable, "The server closed the stream."));
    }

    /// <summary>Closes the stream once everything is sent, because another one with a new token takes its place.</summary>
    public void Replace()
    {
        _isReplaced = true;
        group.Wake();
    }

    /// <summary>Takes what was sent and not answered.</summary>
    public IEnumerable<Batch> TakeUnanswered()
    {
        lock (_gate)
        {
            Batch[] batches = [.. _unanswered.OfType<Batch>()];
            _unanswered.Clear();
            return batches;
        }
    }

    private async Task SendAsync(Batch? batch, StreamHeartbeatsRequest message)
    {
        lock (_gate)
        {
            _unanswered.Enqueue(batch);
            if (_unanswered.Count == 1 && !_isTakingIn)
                timeout.Begin();
        }
        await call.RequestStream.WriteAsync(message).ConfigureAwait(false);
    }

    private async Task ReadRepliesAsync()
    {
        try
        {
            while (await call.ResponseStream.MoveNext(CancellationToken.None).ConfigureAwait(false))
                TakeIn(call.ResponseStream.Current);
        }
        finally
        {
            // The task itself completes only after the loop has woken.
            _hasEnded = true;
            group.Wake();
        }
    }

    private void TakeIn(StreamHeartbeatsResponse reply)
    {
        Batch? batch;
        lock (_gate)
        {
            if (!_unanswered.TryDequeue(out batch))
                throw new RpcException(new Status(StatusCode.Internal, "The server answered a message that was not sent."));
            // The log and the meter of the program may take long. Meanwhile nothing is read, so the server is not the one that is late.
            _isTakingIn = true;
            timeout.End();
        }
        HasWorked |= batch is not null;
        onAccepted(); // also the start: the server checks the credentials before
        group.SetPace(reply.HeartbeatInterval, reply.SessionTimeout);
        if (batch is null)
            group.NoteAnswer();
        else
            group.TakeIn(batch, reply);
        lock (_gate)
        {
            _isTakingIn = false;
            // A stream that this client closed also has an end to come.
            if (_unanswered.Count > 0 || _isClosed)
                timeout.Begin();
        }
    }
}
