using System.Threading.Channels;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using GrpcPresence.V1;
using Status = Grpc.Core.Status;

namespace GrpcPresence.Client.Tests.Fixture;

/// <summary>
/// The server as a test plays it, without a network: the test sees each message, and answers it when and how it likes.
/// </summary>
internal sealed class FakeServer : CallInvoker
{
    private readonly Channel<FakeStream> _streams = Channel.CreateUnbounded<FakeStream>();
    private readonly Channel<HeartbeatRequest> _beats = Channel.CreateUnbounded<HeartbeatRequest>();
    private readonly Channel<EndSessionRequest> _ends = Channel.CreateUnbounded<EndSessionRequest>();

    /// <summary>Answers single heartbeats, or throws.</summary>
    public Func<HeartbeatRequest, HeartbeatResponse> OnHeartbeat { get; set; } = _ => throw Broken();

    /// <summary>Answers single ends, or throws.</summary>
    public Func<EndSessionRequest, EndSessionResponse> OnEnd { get; set; } = _ => new EndSessionResponse();

    /// <summary>Returns the next stream that the client opens.</summary>
    public Task<FakeStream> NextStreamAsync() => Next(_streams, "the client opened a stream");

    /// <summary>Returns the next single heartbeat.</summary>
    public Task<HeartbeatRequest> NextHeartbeatAsync() => Next(_beats, "the client sent a single heartbeat");

    /// <summary>Returns the next single end.</summary>
    public Task<EndSessionRequest> NextEndAsync() => Next(_ends, "the client sent a single end");

    /// <summary>Returns the next heartbeat stream, whose start is answered.</summary>
    public async Task<FakeStream> NextStartedStreamAsync()
    {
        var stream = await NextStreamAsync();
        Assert.NotNull((await stream.NextAsync()).Start);
        stream.Reply();
        return stream;
    }

    /// <summary>Returns an error that comes from the network.</summary>
    public static RpcException Broken() => new(new Status(StatusCode.Unavailable, "The connection broke."));

    /// <summary>Returns an error of the server.</summary>
    public static RpcException Error(StatusCode code, string reason, TimeSpan? retryAfter = null)
    {
        var status = new Google.Rpc.Status { Code = (int)code, Message = reason };
        status.Details.Add(Any.Pack(new ErrorInfo { Domain = "grpc-presence", Reason = reason }));
        if (retryAfter is { } delay)
            status.Details.Add(Any.Pack(new RetryInfo { RetryDelay = Duration.FromTimeSpan(delay) }));
        return status.ToRpcException();
    }

    /// <summary>Returns the reply that accepts a message.</summary>
    public static StreamHeartbeatsResponse Accepts(int count = 0, TimeSpan? interval = null) => new()
    {
        HeartbeatInterval = Duration.FromTimeSpan(interval ?? TimeSpan.FromSeconds(30)),
        SessionTimeout = Duration.FromTimeSpan(2.5 * (interval ?? TimeSpan.FromSeconds(30))),
        ReachabilityEnabled = true,
        Accepted = count,
    };

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var answer = Task.Run(() =>
        {
            if (request is EndSessionRequest end)
            {
                _ends.Writer.TryWrite(end);
                return (TResponse)(object)OnEnd(end);
            }
            var beat = (HeartbeatRequest)(object)request;
            var response = OnHeartbeat(beat);
            _beats.Writer.TryWrite(beat);
            return (TResponse)(object)response;
        });
        return new AsyncUnaryCall<TResponse>(answer, Task.FromResult(new Metadata()), () => Status.DefaultSuccess, () => [], () => { });
    }

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var stream = new FakeStream(options);
        _streams.Writer.TryWrite(stream);
        return new AsyncDuplexStreamingCall<TRequest, TResponse>(
            (IClientStreamWriter<TRequest>)stream.Requests,
            (IAsyncStreamReader<TResponse>)stream.Heartbeats,
            Task.FromResult(new Metadata()), () => Status.DefaultSuccess, () => [], stream.Dispose);
    }

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var stream = new FakeStream(options) { Watch = (WatchUsersRequest)(object)request };
        _streams.Writer.TryWrite(stream);
        return new AsyncServerStreamingCall<TResponse>(
            (IAsyncStreamReader<TResponse>)stream.Updates,
            Task.FromResult(new Metadata()), () => Status.DefaultSuccess, () => [], stream.Dispose);
    }

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

    public override TResponse BlockingUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

    private static async Task<T> Next<T>(Channel<T> channel, string what) =>
        await Barrier.Within(channel.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask(), what);
}
