using Npgsql;
using NpgsqlTypes;

namespace GrpcPresence.Storage.Import;

/// <summary>A table of PostgreSQL, and the rows of SQLite that fill it.</summary>
/// <param name="Name">The table of PostgreSQL.</param>
/// <param name="Source">What follows FROM in the selection of the rows of SQLite.</param>
/// <param name="Columns">The columns.</param>
internal sealed record ImportTable(string Name, string Source, params IReadOnlyList<ImportColumn> Columns)
{
    /// <summary>The statement that selects the rows.</summary>
    public string Select => $"SELECT {string.Join(", ", Columns.Select(column => column.Source))} FROM {Source}";

    /// <summary>The statement that receives the rows.</summary>
    public string Copy => $"COPY {Name} ({string.Join(", ", Columns.Select(column => column.Name))}) FROM STDIN (FORMAT BINARY)";
}

/// <summary>A column of PostgreSQL.</summary>
/// <param name="Name">The column.</param>
/// <param name="Source">The expression of SQLite that gives its value.</param>
/// <param name="Type">The type of PostgreSQL.</param>
internal sealed record ImportColumn(string Name, string Source, NpgsqlDbType Type)
{
    /// <summary>A number, a time or a duration.</summary>
    public static ImportColumn Long(string name, string? source = null) => new(name, source ?? name, NpgsqlDbType.Bigint);

    /// <summary>A small number.</summary>
    public static ImportColumn Int(string name) => new(name, name, NpgsqlDbType.Integer);

    /// <summary>A flag.</summary>
    public static ImportColumn Flag(string name) => new(name, name, NpgsqlDbType.Boolean);

    /// <summary>A text that no caller chooses.</summary>
    public static ImportColumn Text(string name) => new(name, name, NpgsqlDbType.Text);

    /// <summary>A text that a caller chooses, which may contain U+0000. Its bytes are not decoded on the way.</summary>
    public static ImportColumn Utf8(string name) => new(name, $"CAST({name} AS BLOB)", NpgsqlDbType.Bytea);

    /// <summary>A SID or the id of a timeline.</summary>
    public static ImportColumn Id(string name) => new(name, name, NpgsqlDbType.Uuid);

    /// <summary>Writes the value at a position of a row of SQLite.</summary>
    public Task WriteAsync(
        Microsoft.Data.Sqlite.SqliteDataReader row, int position, NpgsqlBinaryImporter target, CancellationToken cancellationToken)
    {
        if (row.IsDBNull(position))
            return target.WriteNullAsync(cancellationToken);
        return Type switch
        {
            NpgsqlDbType.Bigint => target.WriteAsync(row.GetInt64(position), Type, cancellationToken),
            NpgsqlDbType.Integer => target.WriteAsync(checked((int)row.GetInt64(position)), Type, cancellationToken),
            NpgsqlDbType.Boolean => target.WriteAsync(row.GetInt64(position) != 0, Type, cancellationToken),
            NpgsqlDbType.Text => target.WriteAsync(row.GetString(position), Type, cancellationToken),
            NpgsqlDbType.Bytea => target.WriteAsync(row.GetFieldValue<byte[]>(position), Type, cancellationToken),
            _ => target.WriteAsync(new Guid(row.GetFieldValue<byte[]>(position), bigEndian: true), Type, cancellationToken),
        };
    }
}
