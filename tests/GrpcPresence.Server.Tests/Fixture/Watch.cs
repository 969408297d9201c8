using Grpc.Core;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>An open watch as a client sees it.</summary>
internal sealed class Watch(AsyncServerStreamingCall<WatchUsersResponse> call) : IDisposable
{
    /// <summary>The last token.</summary>
    public string Token { get; private set; } = "";

    public static Watch Open(TestServer server, WatchUsersRequest request) => new(server.Users.WatchUsers(request));

    public Task<Metadata> Headers => call.ResponseHeadersAsync;

    public void Dispose() => call.Dispose();

    /// <summary>The next message.</summary>
    public async Task<WatchUsersResponse> Next()
    {
        var next = call.ResponseStream.MoveNext(CancellationToken.None);
        await Barrier.Within(next, "the watch sent a message");
        Assert.True(await next, "The watch ended without an error.");
        if (call.ResponseStream.Current.ResumeToken is { Length: > 0 } token)
            Token = token;
        return call.ResponseStream.Current;
    }

    /// <summary>The one update of the next message.</summary>
    public async Task<UserUpdate> NextUpdate() => Assert.Single((await Next()).Updates.Updates);

    /// <summary>Reads up to and with <c>synced</c>.</summary>
    public async Task<List<WatchUsersResponse>> Sync()
    {
        var messages = new List<WatchUsersResponse>();
        do
        {
            messages.Add(await Next());
        }
        while (messages[^1].Synced is null);
        return messages;
    }

    /// <summary>Why the watch ends.</summary>
    public async Task<CallError> Ended()
    {
        var ended = CallError.Of(async () =>
        {
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
            {
            }
        });
        await Barrier.Within(ended, "the watch ended");
        return await ended;
    }
}
