namespace GrpcPresence.Core.Storage;

/// <summary>
/// Identifies one line of commits. All nodes see the same one. It changes when the data may have gone back: another server answers, or the
/// server began a new timeline of its log. <c>default</c> is none.
/// </summary>
/// <param name="Server">The server and the database.</param>
/// <param name="Timeline">The timeline of the server's log.</param>
public readonly record struct DataIdentity(string? Server, long Timeline);
