using GrpcPresence.Cluster.Membership;
using GrpcPresence.Cluster.Wire;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Cluster.Channel;

/// <summary>The sending side of the channel.</summary>
internal sealed class NodeChannel(MembershipView view, TransportState state, TimeProvider time) : INodeChannel
{
    /// <inheritdoc/>
    public void Send(NodeId receiver, NodeMessage message)
    {
        // A call to a run that is gone would wait for a connection to it.
        if (state.HasEnded || view.Find(receiver) is not { } peer)
        {
            state.Counters.NoteNotInView();
            return;
        }
        try
        {
            if (peer.TrySend(MessageCodec.Encode(view.Self, receiver, message), time))
                state.Counters.NoteSent();
            else
                state.Counters.NoteFull();
        }
        catch (Exception exception)
        {
            // Such as a silo that is stopping.
            state.NoteFailedSend(exception);
        }
    }
}
