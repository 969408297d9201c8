namespace GrpcPresence.Storage.Sqlite.Schema;

/// <summary>A table or an index.</summary>
/// <param name="Type">What it is.</param>
/// <param name="Name">Its name.</param>
/// <param name="TableName">The table that it is, or belongs to.</param>
/// <param name="Sql">The statement that made it; null where SQLite did by itself.</param>
internal sealed record SchemaEntry(string Type, string Name, string TableName, string? Sql);
