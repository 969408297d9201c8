using Grpc.Core;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Watching;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Quotas;
using GrpcPresence.Server.Streams;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>
/// Implements <c>WatchUsers</c>. It is a separate class because it sends frames instead of messages: each user is encoded once, and all
/// watchers share the bytes.
/// </summary>
internal sealed class WatchUsersHandler(
    WatchHub hub, IUserEncoder encoder, CallQuotas quotas, CallReads reads, ActiveStreams streams, TimeProvider time)
{
    /// <summary>How long a pending write may continue after the watch has ended. Then the stream is reset.</summary>
    public static readonly TimeSpan WriteGrace = TimeSpan.FromSeconds(1);

    /// <summary>Serves one watch until it ends.</summary>
    public Task WatchUsers(V1.WatchUsersRequest request, IServerStreamWriter<WatchFrame> output, ServerCallContext context) =>
        ServeAsync(request.ToWatch(), output, context);

    // This method is separate from the parsing, so that the request is not kept in memory while the watch lasts.
    private async Task ServeAsync(WatchRequest watch, IServerStreamWriter<WatchFrame> output, ServerCallContext context)
    {
        var scope = CallScope.Of(context.GetHttpContext());
        using var openStream = await quotas.OpenWatchAsync(watch.Service, scope, watch.Filter.Keys.Count, context.CancellationToken);
        var reader = await reads.OfWatchAsync(watch.Service, scope, context.CancellationToken);
        using var session = await hub.OpenAsync(watch, reader, context.CancellationToken);
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
            // The client does not read, and cancellation does not stop a pending write. The stream must be reset.
            await Task.WhenAny(write, Task.Delay(WriteGrace, time));
            if (!write.IsCompleted)
            {
                StreamReset.Reset(context.GetHttpContext());
                throw session.EndReason!;
            }
        }
        await write;
    }
}
