using GrpcPresence.Core.Cluster.Channel;

namespace GrpcPresence.Core.Tests.Cluster.Channel;

/// <summary>An item that says what it is.</summary>
internal sealed record TestItem(long Number, int Bytes = 100) : LinkItem
{
    public override int Size => Bytes;
}
