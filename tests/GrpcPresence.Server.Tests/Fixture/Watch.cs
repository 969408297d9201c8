using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>An open watch as a client sees it, over any transport.</summary>
internal abstract class Watch : IDisposable
{
    /// <summary>The last token.</summary>
    public string Token { get; private set; } = "";

    public static Watch Open(TestServer server, WatchUsersRequest request, WatchTransport transport = WatchTransport.Grpc) =>
        transport == WatchTransport.Events
            ? EventWatch.Open(server, request)
            : new GrpcWatch(new UserService.UserServiceClient(server.InvokerOver(transport)).WatchUsers(request));

    /// <summary>The headers of the response, which arrive before any message.</summary>
    public abstract Task Headers { get; }

    public abstract void Dispose();

    /// <summary>Returns the next message.</summary>
    public async Task<WatchUsersResponse> Next()
    {
        var next = Read();
        await Barrier.Within(next, "the watch sent a message");
        var message = await next;
        if (message.ResumeToken is { Length: > 0 } token)
            Token = token;
        return message;
    }

    /// <summary>Returns the only update of the next message.</summary>
    public async Task<UserUpdate> NextUpdate() => Assert.Single((await Next()).Updates.Updates);

    /// <summary>Reads all messages up to and including <c>synced</c>.</summary>
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

    /// <summary>Returns why the watch ends.</summary>
    public async Task<CallError> Ended()
    {
        var ended = ReadToEnd();
        await Barrier.Within(ended, "the watch ended");
        return await ended;
    }

    /// <summary>Returns the next message of a watch that does not end.</summary>
    protected abstract Task<WatchUsersResponse> Read();

    /// <summary>Reads everything up to the end, which must have a reason.</summary>
    protected abstract Task<CallError> ReadToEnd();
}
