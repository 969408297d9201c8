namespace GrpcPresence.Core.Cluster.Routing;

/// <summary>What the handler of a call returned at its owner.</summary>
/// <param name="Body">The response for the client.</param>
/// <param name="RowsRead">
/// The rows that the call read beyond those that each call is charged before it runs. The ingress charges them, because a call is charged
/// against the share of the node that received it from the client.
/// </param>
public readonly record struct CallResponse(ReadOnlyMemory<byte> Body, int RowsRead = 0);
