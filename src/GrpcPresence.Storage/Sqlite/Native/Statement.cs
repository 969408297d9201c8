using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace GrpcPresence.Storage.Sqlite.Native;

/// <summary>
/// A statement that is prepared once and used over its connection's life. It stands on SQLite's own interface, because the driver's commands look
/// up each parameter by name and box each value at every use, which costs as much as SQLite's part of a small statement. Not safe for more than
/// one thread.
/// </summary>
internal sealed class Statement : IDisposable
{
    private readonly sqlite3 _connection;
    private readonly sqlite3_stmt _statement;

    /// <summary>Prepares the statement.</summary>
    public Statement(SqliteConnection connection, string sql)
    {
        _connection = connection.Handle!;
        Check(raw.sqlite3_prepare_v3(_connection, sql, raw.SQLITE_PREPARE_PERSISTENT, out _statement));
    }

    /// <summary>Sets all parameters, in the order in which they first stand in the text.</summary>
    public Statement Bind(params ReadOnlySpan<SqlValue> values)
    {
        for (var i = 0; i < values.Length; i++)
            values[i].Bind(_statement, i + 1);
        return this;
    }

    /// <summary>Runs it to its end.</summary>
    public void Execute()
    {
        using var rows = Query();
        while (rows.Read())
        {
        }
    }

    /// <summary>Runs it for its rows; dispose of them before the next use.</summary>
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
        /// <summary>The row that <see cref="Read"/> went to.</summary>
        public Row Row => new(statement._statement);

        /// <summary>Goes to the next row; false when there is none.</summary>
        public bool Read() => statement.Step();

        /// <summary>Ends the run. What it reports is the fault that the last step threw already.</summary>
        public void Dispose() => _ = raw.sqlite3_reset(statement._statement);
    }
}
