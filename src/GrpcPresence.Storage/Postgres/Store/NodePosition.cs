namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>What a commit names of the node that makes it.</summary>
/// <param name="Id">The number of the node.</param>
/// <param name="Incarnation">The start of the node.</param>
/// <param name="Server">The server and the database, as <c>server_identity()</c> gives them.</param>
internal readonly record struct NodePosition(long Id, long Incarnation, string Server);
