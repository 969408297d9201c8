using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Cluster.Wire;

/// <summary>Converts messages to bytes and back.</summary>
internal static class MessageCodec
{
    /// <summary>Returns the bytes of a message.</summary>
    public static byte[] Encode(NodeId from, NodeId to, NodeMessage message) => [];

    /// <summary>Reads a message.</summary>
    public static DecodeResult Decode(byte[] bytes, NodeId self, out NodeId from, out NodeMessage? message)
    {
        (from, message) = (default, null);
        return DecodeResult.Invalid;
    }
}
