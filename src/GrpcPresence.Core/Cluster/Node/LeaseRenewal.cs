using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage.Cluster;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// Asks the store for the renewals of the lease of this node that are due. Used only by the loop of the node.
/// </summary>
/// <param name="parts">The parts of the node.</param>
/// <param name="calls">Creates the call of the store.</param>
internal sealed class LeaseRenewal(NodeParts parts, StoreCalls calls)
{
    private readonly StoreCall<long, RenewedLease> _call = calls.Create<long, RenewedLease>(StoreCallKind.Renewal);

    /// <summary>Takes the answer of the store, if there is one. Returns the exception if the node is not active any more.</summary>
    public NodeEvictedException? Take(TimeSpan now)
    {
        if (!_call.TryTake(out var number, out var renewed, out var error))
            return null;
        if (error is not null)
            parts.Confirmation.FailRenewal(number);
        else
            parts.Confirmation.CompleteRenewal(number, renewed.Data, renewed.Members, now);
        return error as NodeEvictedException;
    }

    /// <summary>Begins a renewal if one is due. It replaces one that has no answer.</summary>
    public void BeginIfDue(TimeSpan now)
    {
        if (parts.Confirmation.TryBeginRenewal(now, out var renewal, out var acknowledged))
            _call.Replace(renewal.Number, stop => parts.Store.RenewAsync(parts.View.Self, renewal.Number, acknowledged, stop));
    }

    /// <summary>Cancels what is in progress, because the node has ended.</summary>
    public void Stop() => _call.Cancel();
}
