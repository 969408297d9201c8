using Grpc.Core;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Watching;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Quotas;
using GrpcPresence.Server.Streams;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>
/// <c>WatchUsers</c>. A class of its own because it sends frames, not messages: the bytes of a user are made once and shared by all watchers.
/// </summary>
internal sealed class WatchUsersHandler(WatchHub hub, IUserEncoder encoder, CallQuotas quotas, ActiveStreams streams, TimeProvider time)
{
    /// <summary>How long a message that is being written may still reach the client after the watch was ended; then the stream is reset.</summary>
    public static readonly TimeSpan WriteGrace = TimeSpan.FromSeconds(1);

    /// <summary>Serves one watch until it ends.</summary>
    public Task WatchUsers(V1.WatchUsersRequest request, IServerStreamWriter<WatchFrame> output, ServerCallContext context) =>
        ServeAsync(request.ToWatch(), output, context);

    // Not together with the parsing: the request would be kept for as long as the watch lasts.
    private async Task ServeAsync(WatchRequest watch, IServerStreamWriter<WatchFrame> output, ServerCallContext context)
    {
        var scope = CallScope.Of(context.GetHttpContext());
        using var place = await quotas.OpenWatchAsync(watch.Service, scope, watch.Filter.Keys.Count, context.CancellationToken);
        using var session = await hub.OpenAsync(watch, context.CancellationToken);
        using var open = streams.EndWith(scope.Caller, context.GetHttpContext(), session.End);
        await context.WriteResponseHeadersAsync([]);
        await foreach (var message in session.ReadAsync(context.CancellationToken))
        {
            var write = output.WriteAsync(new WatchFrame(message, watch.Service, encoder, watch.Filter.View));
            if (!write.IsCompletedSuccessfully)
                await WriteAsync(write, session, context);
        }
    }

    private async Task WriteAsync(Task write, WatchSession session, ServerCallContext context)
    {
        if (await Task.WhenAny(write, session.Ended) != write)
        {
            // The client does not read, and no token reaches a write that waits for it: what is left is to reset the stream.
            await Task.WhenAny(write, Task.Delay(WriteGrace, time));
            if (!write.IsCompleted)
            {
                StreamReset.Refuse(context.GetHttpContext());
                throw session.EndReason!;
            }
        }
        await write;
    }
}
