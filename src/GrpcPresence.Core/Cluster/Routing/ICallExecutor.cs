using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Cluster.Routing;

/// <summary>Runs the calls that Core does not know, at the owner of their shard. Safe from any thread.</summary>
public interface ICallExecutor
{
    /// <summary>
    /// Runs a call whose caller was authenticated, authorized and charged at its ingress. A call is charged once, and against the share of
    /// the node that received it from the client. So whatever the handler of the call charges by itself, it does not charge here. What
    /// is known only afterwards, the rows that it read, it returns.
    /// </summary>
    /// <param name="shard">The shard that the call concerns.</param>
    /// <param name="request">The request.</param>
    /// <param name="isCharged">Whether the ingress has charged the call. If so, nothing is charged for it any more.</param>
    /// <exception cref="PresenceException">Through the task: what the client receives.</exception>
    /// <exception cref="ShardMovedException">Through the task: this node does not own the shard, and nothing has happened.</exception>
    Task<CallResponse> ExecuteAsync(Shard shard, ReadOnlyMemory<byte> request, bool isCharged);
}
