using Orleans.Concurrency;
using Orleans.Services;

namespace GrpcPresence.Cluster.Channel;

/// <summary>What a silo does for the others. Its methods and their parameters are a protocol between versions.</summary>
internal interface INodeService : IGrainService
{
    /// <summary>
    /// Takes a message, in the form of <see cref="Wire.MessageCodec"/>. No answer comes back, and the bytes are shared with the sender's
    /// connection: nobody changes them.
    /// </summary>
    [OneWay]
    Task Deliver([Immutable] byte[] message);

    /// <summary>
    /// Answers. All messages of the caller that the connection carried before have arrived then, because a connection keeps their order.
    /// </summary>
    [ResponseTimeout("00:00:02")]
    Task Probe();
}
