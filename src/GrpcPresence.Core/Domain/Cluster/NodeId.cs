namespace GrpcPresence.Core.Domain.Cluster;

/// <summary>One run of a node.</summary>
/// <param name="Name">The name, which the node keeps over its starts.</param>
/// <param name="Incarnation">Greater at each start of the node.</param>
public readonly record struct NodeId(string Name, long Incarnation)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Name}-{Incarnation}";
}
