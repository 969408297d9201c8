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
    private Action? _cancel; // the last renewal; null before the first

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

    /// <summary>Begins a renewal if one is due.</summary>
    public void BeginIfDue(TimeSpan now)
    {
        if (!parts.Confirmation.TryBeginRenewal(now, out var renewal, out var acknowledged))
            return;
        // A renewal without an answer is replaced by the next one. Its late answer counts for nothing, so nobody waits for it.
        _cancel?.Invoke();
        var renewing = new CancellationTokenSource();
        _cancel = () =>
        {
            renewing.Cancel();
            renewing.Dispose();
        };
        _call.Begin(renewal.Number, parts.Store.RenewAsync(parts.View.Self, renewal.Number, acknowledged, renewing.Token));
    }

    /// <summary>Cancels what is in progress, because the node has ended.</summary>
    public void Stop()
    {
        _cancel?.Invoke();
        _cancel = null;
    }
}
