namespace GrpcPresence.Cluster.Wire;

/// <summary>The bytes of a message do not have the form that the protos describe.</summary>
internal sealed class InvalidMessageException(string message) : Exception(message);
