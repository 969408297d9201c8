using Grpc.Core;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>An open heartbeat stream as a client sees it.</summary>
internal sealed class HeartbeatStream(AsyncDuplexStreamingCall<StreamHeartbeatsRequest, StreamHeartbeatsResponse> call) : IDisposable
{
    /// <summary>The reply to the first message.</summary>
    public StreamHeartbeatsResponse StartReply { get; private set; } = null!;

    public static async Task<HeartbeatStream> OpenAsync(TestServer server, string service, bool endSessionsOnClose = false)
    {
        var stream = new HeartbeatStream(server.Users.StreamHeartbeats());
        await stream.SendStart(service, endSessionsOnClose);
        stream.StartReply = await stream.Reply();
        return stream;
    }

    public void Dispose() => call.Dispose();

    public Task Send(StreamHeartbeatsRequest message) => call.RequestStream.WriteAsync(message, TestRun.Token);

    public Task SendStart(string service, bool endSessionsOnClose) => Send(new StreamHeartbeatsRequest
    {
        Start = new HeartbeatStreamStart { ServiceSid = service, EndSessionsOnClose = endSessionsOnClose },
    });

    public Task SendBeats(params (string User, string Session)[] beats)
    {
        var message = new HeartbeatStreamBeats();
        message.Beats.AddRange(beats.Select(ToMessage));
        return Send(new StreamHeartbeatsRequest { Beats = message });
    }

    public async Task<StreamHeartbeatsResponse> BeatAsync(params (string User, string Session)[] beats)
    {
        await SendBeats(beats);
        return await Reply();
    }

    public async Task<StreamHeartbeatsResponse> EndAsync(params (string User, string Session)[] ends)
    {
        var message = new HeartbeatStreamEnds();
        message.Ends.AddRange(ends.Select(ToMessage));
        await Send(new StreamHeartbeatsRequest { Ends = message });
        return await Reply();
    }

    public async Task<StreamHeartbeatsResponse> Reply()
    {
        var next = call.ResponseStream.MoveNext(CancellationToken.None);
        await Barrier.Within(next, "the stream answered");
        Assert.True(await next, "The stream ended without an error.");
        return call.ResponseStream.Current;
    }

    /// <summary>Closes the client's side and reads to the end.</summary>
    public async Task Close()
    {
        await call.RequestStream.CompleteAsync();
        var end = call.ResponseStream.MoveNext(CancellationToken.None);
        await Barrier.Within(end, "the stream ended");
        Assert.False(await end);
    }

    /// <summary>Returns why the stream ends.</summary>
    public async Task<CallError> Ended()
    {
        var ended = CallError.Of(async () =>
        {
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
            {
            }
        });
        await Barrier.Within(ended, "the stream ended");
        return await ended;
    }

    private static SessionBeat ToMessage((string User, string Session) beat) => new() { UserKey = beat.User, SessionId = beat.Session };
}
