namespace GrpcPresence.Server.Composition.Cluster;

/// <summary>
/// The node could not join the others: the database or one of them did not answer. A new start may succeed, so its exit code must not be
/// one after which a supervisor gives up. The message is one line.
/// </summary>
internal sealed class JoinFailedException(string message) : Exception(message);
