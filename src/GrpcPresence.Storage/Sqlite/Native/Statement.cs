using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace GrpcPresence.Storage.Sqlite.Native;

/// <summary>
/// A statement that is prepared once and used for the life of its connection. It uses SQLite's own API: at every use, the driver's commands
/// look up each parameter by name and box each value, which costs as much as SQLite's part of a small statement. Not safe for more than one
/// thread.
/// </summary>
internal sealed class Statement : IDisposable
{
    private readonly sqlite3 _connection;
    private readonly sqlite3_stmt _statement;
    private readonly nint _pointer; // of the statement, for its columns

    /// <summary>Prepares the statement.</summary>
    public Statement(SqliteConnection connection, string sql)
    {
        _connection = connection.Handle!;
        Check(raw.sqlite3_prepare_v3(_connection, sql, raw.SQLITE_PREPARE_PERSISTENT, out _statement));
        _pointer = _statement.DangerousGetHandle();
    }

    /// <summary>Binds all parameters, in the order of their first occurrence in the text.</summary>
    public Statement Bind(params ReadOnlySpan<SqlValue> values)
    {
        for (var i = 0; i < values.Length; i++)
            values[i].Bind(_statement, i + 1);
        return this;
    }

    /// <summary>Binds the number with this place, counted from 1. For statements of which a batch runs thousands.</summary>
    public void Bind(int place, long value) => Check(raw.sqlite3_bind_int64(_statement, place, value));

    /// <summary>Binds the number or null with this place, counted from 1.</summary>
    public void Bind(int place, long? value) => Check(
        value is { } number ? raw.sqlite3_bind_int64(_statement, place, number) : raw.sqlite3_bind_null(_statement, place));

    /// <summary>Runs the statement to its end.</summary>
    public void Execute()
    {
        using var rows = Query();
        while (rows.Read())
        {
        }
    }

    /// <summary>Runs the statement for its rows. Dispose of them before the next use.</summary>
    public Rows Query() => new(this);

    /// <inheritdoc/>
    public void Dispose() => _statement.Dispose();

    private bool Step()
    {
        var result = raw.sqlite3_step(_statement);
        if (result == raw.SQLITE_ROW)
            return true;
        if (result != raw.SQLITE_DONE)
            Check(result);
        return false;
    }

    private void Check(int result) => SqliteException.ThrowExceptionForRC(result, _connection);

    /// <summary>The rows of one run.</summary>
    public readonly ref struct Rows(Statement statement)
    {
        /// <summary>The row to which <see cref="Read"/> moved.</summary>
        public Row Row => new(statement._pointer);

        /// <summary>Moves to the next row; returns false at the end.</summary>
        public bool Read() => statement.Step();

        /// <summary>Ends the run. The return code repeats the error that the last step already threw.</summary>
        public void Dispose() => _ = raw.sqlite3_reset(statement._statement);
    }
}
