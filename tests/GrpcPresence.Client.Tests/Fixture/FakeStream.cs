using System.Threading.Channels;
using Grpc.Core;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Tests.Fixture;

/// <summary>A stream as the server sees it.</summary>
internal sealed class FakeStream : IDisposable
{
    private readonly Channel<StreamHeartbeatsRequest> _requests = Channel.CreateUnbounded<StreamHeartbeatsRequest>();
    private readonly Channel<StreamHeartbeatsResponse> _replies = Channel.CreateUnbounded<StreamHeartbeatsResponse>();
    private readonly Channel<WatchUsersResponse> _updates = Channel.CreateUnbounded<WatchUsersResponse>();
    private readonly TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public FakeStream(CallOptions options)
    {
        Authorization = options.Headers?.GetValue("authorization");
        options.CancellationToken.Register(() =>
        {
            if (!IgnoresCancellation)
                Fail(Cancelled());
            _left.TrySetResult();
        });
    }

    /// <summary>Whether a call that the client cancels ends only when the test ends it.</summary>
    public bool IgnoresCancellation { get; set; }

    /// <summary>The credentials that the client presented.</summary>
    public string? Authorization { get; }

    /// <summary>The request of a watch.</summary>
    public WatchUsersRequest? Watch { get; init; }

    /// <summary>Completes when the client has left the stream.</summary>
    public Task Left => _left.Task;

    public IClientStreamWriter<StreamHeartbeatsRequest> Requests => new Writer(_requests);

    public IAsyncStreamReader<StreamHeartbeatsResponse> Heartbeats => new Reader<StreamHeartbeatsResponse>(_replies);

    public IAsyncStreamReader<WatchUsersResponse> Updates => new Reader<WatchUsersResponse>(_updates);

    /// <summary>Returns the error of a call that the client cancelled.</summary>
    public static RpcException Cancelled() => new(new Status(StatusCode.Cancelled, "The client cancelled the call."));

    /// <summary>Returns the next message of the client.</summary>
    public async Task<StreamHeartbeatsRequest> NextAsync() => await Barrier.Within(
        _requests.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask(), "the client sent a message");

    /// <summary>Returns the users of the next message, which has heartbeats, and accepts them.</summary>
    public async Task<IReadOnlyList<string>> NextBeatsAsync(TimeSpan? interval = null)
    {
        var beats = (await NextAsync()).Beats.Beats;
        Reply(FakeServer.Accepts(beats.Count, interval));
        return [.. beats.Select(beat => beat.UserKey)];
    }

    /// <summary>Returns the users of the next message, which has ends.</summary>
    public async Task<IReadOnlyList<string>> NextEndsAsync() => [.. (await NextAsync()).Ends.Ends.Select(end => end.UserKey)];

    /// <summary>Answers a message with one entry, which is rejected.</summary>
    public void Reject(ErrorReason reason)
    {
        var reply = FakeServer.Accepts();
        reply.Rejected.Add(new RejectedBeat { Index = 0, Reason = reason });
        Reply(reply);
    }

    /// <summary>Whether the client has sent nothing more.</summary>
    public bool IsQuiet => _requests.Reader.Count == 0;

    /// <summary>Answers a message.</summary>
    public void Reply(StreamHeartbeatsResponse? reply = null) => _replies.Writer.TryWrite(reply ?? FakeServer.Accepts());

    /// <summary>Sends a message of a watch.</summary>
    public void Send(params ReadOnlySpan<WatchUsersResponse> messages)
    {
        foreach (var message in messages)
            _updates.Writer.TryWrite(message);
    }

    /// <summary>Sends a snapshot of these users, with a token behind it.</summary>
    public void SendSnapshot(string token, params ReadOnlySpan<User> users)
    {
        Send(
            new WatchUsersResponse { Configuration = new Configuration() },
            new WatchUsersResponse { Reset = new WatchReset { Reason = ResetReason.Initial } });
        foreach (var user in users)
            Send(new WatchUsersResponse { Updates = new WatchUpdates { Updates = { new V1.UserUpdate { User = user } } } });
        Send(new WatchUsersResponse { Synced = new WatchSynced(), ResumeToken = token });
    }

    /// <summary>Ends the stream with an error.</summary>
    public void Fail(Exception error)
    {
        _replies.Writer.TryComplete(error);
        _updates.Writer.TryComplete(error);
        _requests.Writer.TryComplete();
    }

    /// <summary>The client has disposed of the call.</summary>
    public void Dispose() => _left.TrySetResult();

    private sealed class Writer(Channel<StreamHeartbeatsRequest> requests) : IClientStreamWriter<StreamHeartbeatsRequest>
    {
        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(StreamHeartbeatsRequest message) => requests.Writer.TryWrite(message)
            ? Task.CompletedTask
            : Task.FromException(new InvalidOperationException("The call has ended."));

        public Task CompleteAsync()
        {
            requests.Writer.TryComplete();
            return Task.CompletedTask;
        }
    }

    private sealed class Reader<T>(Channel<T> messages) : IAsyncStreamReader<T>
    {
        private T? _current;

        public T Current => _current!;

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            if (!await messages.Reader.WaitToReadAsync(cancellationToken))
                return false;
            return messages.Reader.TryRead(out _current);
        }
    }
}
