using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Grpc.Mapping;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Security.Quotas;
using GrpcPresence.Server.Streams;

namespace GrpcPresence.Server.Grpc.Services.Heartbeats;

/// <summary>
/// The protocol of <c>StreamHeartbeats</c>: the start message, its time limit, the messages after it, and the end of the stream. One
/// instance serves one stream.
/// </summary>
/// <remarks>
/// The reading loop below hands each message to <see cref="HeartbeatBatchProcessor"/>, and never waits for a commit. <see
/// cref="HeartbeatReplyQueue"/> sends the replies in order from a loop of its own.
/// </remarks>
internal sealed class StreamHeartbeatsHandler(
    ServiceCache services,
    UserResolver users,
    UserSessions sessions,
    CallQuotas quotas,
    Caller caller,
    TimeProvider time,
    CancellationToken stopping) : IDisposable
{
    private IDisposable? _place; // in the quota of open streams; null until the start message was read

    /// <summary>Serves the stream until it ends.</summary>
    public async Task RunAsync(
        IAsyncStreamReader<V1.StreamHeartbeatsRequest> input,
        IServerStreamWriter<V1.StreamHeartbeatsResponse> output,
        ServerCallContext context)
    {
        var (service, stream) = await ReadStartAsync(input, context);
        using var replies = new HeartbeatReplyQueue(service, output, time);
        await replies.AddAsync(new HeartbeatReply(entries: 0, time.GetTimestamp()), context.CancellationToken);
        var sending = replies.SendAllAsync();
        var isClosedByClient = false;
        try
        {
            await ReadMessagesAsync(service, input, stream, replies, context);
            isClosedByClient = true;
        }
        catch (Exception exception) when (IsEndOfCall(exception, context) && !stopping.IsCancellationRequested)
        {
            // A client that disconnects closes the stream as well. A stream that the server ends stays open, so its sessions survive.
            isClosedByClient = !await StreamEnd.IsByServerAsync(context.GetHttpContext());
            throw;
        }
        finally
        {
            sessions.Close(stream, isClosedByClient);
            // Every message that was read gets its reply. When the call is over, no client waits for the store.
            replies.Complete();
            if (context.CancellationToken.IsCancellationRequested)
                replies.StopWaiting();
            await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await sending;
    }

    /// <inheritdoc/>
    public void Dispose() => _place?.Dispose();

    // A read may fail before the token is cancelled.
    private static bool IsEndOfCall(Exception exception, ServerCallContext context) =>
        context.CancellationToken.IsCancellationRequested || exception is RpcException { StatusCode: StatusCode.Cancelled };

    private async Task<(CachedService Service, SessionStream Stream)> ReadStartAsync(
        IAsyncStreamReader<V1.StreamHeartbeatsRequest> input, ServerCallContext context)
    {
        if (!await ReadFirstAsync(input, context) || input.Current.Start is not { } start)
            throw ProtocolViolation("must begin with start");
        var reader = new RequestReader();
        var sid = reader.Service(start.ServiceSid, "start.service_sid");
        reader.ThrowIfInvalid();
        var service = await services.GetAsync(sid, context.CancellationToken);
        _place = await quotas.OpenHeartbeatsAsync(service, caller, context.CancellationToken);
        return (service, sessions.OpenStream(start.EndSessionsOnClose));
    }

    /// <summary>
    /// Reads the first message, with a time limit: until the start message names the service instance, the stream counts only against the
    /// quota of its caller.
    /// </summary>
    private async Task<bool> ReadFirstAsync(IAsyncStreamReader<V1.StreamHeartbeatsRequest> input, ServerCallContext context)
    {
        // Not linked to the call's token: when the call is over, the read itself fails and gives the reason.
        using var started = new CancellationTokenSource();
        try
        {
            return await input.MoveNextUntilAsync(Task.Delay(Limits.HeartbeatStreamStart, time, started.Token), context.CancellationToken)
                ?? throw ProtocolViolation($"must begin with start within {Limits.HeartbeatStreamStart.TotalSeconds} s");
        }
        finally
        {
            await started.CancelAsync();
        }
    }

    private async Task ReadMessagesAsync(
        CachedService service,
        IAsyncStreamReader<V1.StreamHeartbeatsRequest> input,
        SessionStream stream,
        HeartbeatReplyQueue replies,
        ServerCallContext context)
    {
        var batches = new HeartbeatBatchProcessor(service, caller, users, sessions, quotas, time);
        while (await ReadNextAsync(service, input, context))
        {
            var message = input.Current;
            var reply = message.MessageCase switch
            {
                V1.StreamHeartbeatsRequest.MessageOneofCase.Beats =>
                    await batches.RenewAsync(message.Beats.Beats, stream, context.CancellationToken),
                V1.StreamHeartbeatsRequest.MessageOneofCase.Ends => await batches.EndAsync(message.Ends.Ends, context.CancellationToken),
                V1.StreamHeartbeatsRequest.MessageOneofCase.Start => throw ProtocolViolation("must not repeat start"),
                _ => throw ProtocolViolation("must contain beats or ends"),
            };
            await replies.AddAsync(reply, context.CancellationToken);
            if (reply.IsOverQuota)
                await quotas.HoldAsync(service, caller, context.CancellationToken);
        }
    }

    /// <summary>Reads the next message; returns false at the end of the stream.</summary>
    /// <exception cref="PresenceException">ServiceInstanceNotFound: the service instance was deleted.</exception>
    private static async Task<bool> ReadNextAsync(
        CachedService service, IAsyncStreamReader<V1.StreamHeartbeatsRequest> input, ServerCallContext context) =>
        await input.MoveNextUntilAsync(service.Deleted, context.CancellationToken)
        ?? throw PresenceErrors.ServiceInstanceNotFound(service.Sid);

    private static PresenceException ProtocolViolation(string description) =>
        new([new Violation("message", ErrorReason.StreamProtocolViolated, description)]);
}
