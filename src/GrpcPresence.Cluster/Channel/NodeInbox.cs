using GrpcPresence.Cluster.Wire;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Cluster.Channel;

/// <summary>
/// Gives the messages that arrive to the handler, on the thread pool: a handler that ran on the scheduler of Orleans would leave its tasks
/// there, and one message would run at a time.
/// </summary>
internal sealed class NodeInbox(NodeId self, TransportState state, Action<NodeId, NodeMessage> handler)
{
    /// <summary>
    /// The bytes that may wait for the handler. Enough for the bounds of four senders; a handler that is further behind gains nothing from
    /// older messages.
    /// </summary>
    public const long MaxBytes = 4 * Peer.MaxBytes;

    private long _waiting;

    /// <summary>Takes a message. Returns at once.</summary>
    public void Post(byte[] message)
    {
        if (Interlocked.Add(ref _waiting, message.Length) > MaxBytes)
        {
            Interlocked.Add(ref _waiting, -message.Length);
            state.Counters.NoteOverload();
            return;
        }
        ThreadPool.UnsafeQueueUserWorkItem(new Delivery(this, message), preferLocal: false);
    }

    private void Deliver(byte[] bytes)
    {
        Interlocked.Add(ref _waiting, -bytes.Length);
        if (state.HasEnded)
            return;
        var result = MessageCodec.Decode(bytes, self, out var from, out var message, out var unknownItems);
        state.Counters.NoteUnknown(unknownItems);
        switch (result)
        {
            case DecodeResult.Decoded:
                try
                {
                    state.Counters.NoteReceived();
                    handler(from, message!);
                }
                catch (Exception exception)
                {
                    state.NoteFailedHandler(message!, exception);
                }
                break;
            case DecodeResult.Unknown:
                state.Counters.NoteUnknown(1);
                break;
            case DecodeResult.OtherRun:
                state.Counters.NoteOtherRun();
                break;
            default:
                state.NoteInvalid(from);
                break;
        }
    }

    private sealed class Delivery(NodeInbox inbox, byte[] message) : IThreadPoolWorkItem
    {
        public void Execute() => inbox.Deliver(message);
    }
}
