namespace GrpcPresence.Storage.Sqlite.Schema;

/// <summary>A table or an index.</summary>
/// <param name="Type">The type.</param>
/// <param name="Name">The name.</param>
/// <param name="TableName">The table itself, or the table of the index.</param>
/// <param name="Sql">The statement that created it; null if SQLite created it by itself.</param>
internal sealed record SchemaEntry(string Type, string Name, string TableName, string? Sql);
