using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Sqlite;

/// <summary>A statement that is prepared once and used over its connection's life. Not safe for more than one thread.</summary>
internal sealed class Statement : IDisposable
{
    private readonly SqliteCommand _command;

    /// <summary>Prepares the statement; its parameters are bound in the order of the names.</summary>
    public Statement(SqliteConnection connection, string sql, params ReadOnlySpan<string> parameters)
    {
        _command = connection.CreateCommand();
#pragma warning disable CA2100 // every caller passes a constant
        _command.CommandText = sql;
#pragma warning restore CA2100
        foreach (var parameter in parameters)
            _command.Parameters.Add(new SqliteParameter { ParameterName = parameter });
    }

    /// <summary>Sets all parameters.</summary>
    public Statement Bind(params ReadOnlySpan<object?> values)
    {
        for (var i = 0; i < values.Length; i++)
            _command.Parameters[i].Value = values[i] ?? DBNull.Value;
        return this;
    }

    /// <summary>Runs it and returns how many rows it altered.</summary>
    public int Execute() => _command.ExecuteNonQuery();

    /// <summary>Runs it for its rows; dispose of the reader before the next use.</summary>
    public SqliteDataReader Query() => _command.ExecuteReader();

    /// <inheritdoc/>
    public void Dispose() => _command.Dispose();
}
