using Google.Protobuf;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Grpc.Forwarding.Wire;
using GrpcPresence.Server.Security;

namespace GrpcPresence.Server.Grpc.Forwarding;

/// <summary>
/// Runs forwarded calls at the owner: the same handlers as in a single node, without authentication, authorization and charges, which the
/// ingress has done. It believes what the call says about its caller. That is safe because requests come only over the channel between
/// nodes, whose peers prove that they are nodes.
/// </summary>
internal sealed class OwnedCallExecutor(OwnedMethods methods, ShardGates gates, ErrorMapper errors) : ICallExecutor
{
    /// <inheritdoc/>
    public async Task<CallResponse> ExecuteAsync(Shard shard, ReadOnlyMemory<byte> request, bool isCharged)
    {
        // Without this check the tracker and the writer find the same, later. A sealed shard costs no place in the queue of the writer.
        if (!gates.IsOpen(shard))
            throw new ShardMovedException(shard);
        var method = "a forwarded call";
        try
        {
            var call = ForwardedCall.Parser.ParseFrom(request.Span);
            method = call.Method;
            var scope = new CallScope(call.Caller.ToCaller());
            var response = await methods.RunAsync(method, call.Request.Memory, scope, new OwnedCallContext(scope, method));
            // No row to report: no method that runs at its owner reads more rows than each call is charged before.
            return new CallResponse(response.ToByteArray());
        }
        catch (PresenceException)
        {
            throw;
        }
        catch (Exception exception)
        {
            // Logged here, where the stack is. The ingress logs what it receives, with this id, under an id that its client receives.
            throw new PresenceException(ErrorReason.Internal, $"The owner failed: {errors.LogFault(exception, method)}.");
        }
    }
}
