namespace GrpcPresence.Cluster;

/// <summary>Why a run of a node has ended for the other nodes.</summary>
/// <param name="Reason">One line for operators.</param>
/// <param name="Exception">The cause, or null: the others have declared the node dead.</param>
public sealed record ClusterTransportEnd(string Reason, Exception? Exception);
