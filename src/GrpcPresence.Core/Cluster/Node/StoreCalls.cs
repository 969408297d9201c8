using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Membership;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>Creates the calls of the store that a node makes, and knows which of them wait or fail. Used only by its loop.</summary>
/// <param name="clock">The clock of the node.</param>
/// <param name="wake">Wakes the loop.</param>
internal sealed class StoreCalls(NodeClock clock, Action wake)
{
    private readonly List<IStoreCall> _calls = [];

    /// <summary>Creates a call.</summary>
    public StoreCall<TKey, TResult> Create<TKey, TResult>(StoreCallKind kind)
    {
        var call = new StoreCall<TKey, TResult>(kind, clock, wake);
        _calls.Add(call);
        return call;
    }

    /// <summary>Returns the calls that wait for an answer, or whose last answer was an error.</summary>
    public ImmutableArray<StoreCallStatus> Read() =>
        [.. _calls.Select(call => call.Read()).Where(status => status.WaitingFor is not null || status.FailuresInRow > 0)];
}

/// <summary>A call of the store, whatever its result is.</summary>
internal interface IStoreCall
{
    /// <summary>Returns whether the call waits or fails.</summary>
    StoreCallStatus Read();
}
