using Npgsql;

namespace GrpcPresence.Storage.Postgres.Native;

/// <summary>
/// Statements that see one moment of the database and take one round trip. A single statement is a snapshot by itself; several run in one
/// transaction that only reads.
/// </summary>
internal sealed class Snapshot(NpgsqlConnection connection) : IAsyncDisposable
{
    private readonly NpgsqlBatch _batch = new(connection) { Timeout = 0 }; // limited by the store
    private readonly List<Func<Row, bool>> _rows = [];
    private readonly Lock _gate = new(); // held while a row is read, so that none is read after Abandon
    private bool _isAbandoned;

    /// <summary>Whether the server has begun to answer.</summary>
    public bool IsAnswered { get; private set; }

    /// <summary>Adds a statement, and what to do with each of its rows.</summary>
    public Statement Add(string sql, Action<Row> read) => Add(sql, row =>
    {
        read(row);
        return true;
    });

    /// <summary>Adds a statement, and what to do with each of its rows until it returns false.</summary>
    public Statement Add(string sql, Func<Row, bool> read)
    {
        var command = new NpgsqlBatchCommand(sql);
        _batch.BatchCommands.Add(command);
        _rows.Add(read);
        return new Statement(command);
    }

    /// <summary>Runs the statements in their order.</summary>
    public async Task RunAsync()
    {
        if (_rows.Count > 1)
        {
            _batch.BatchCommands.Insert(0, new NpgsqlBatchCommand("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
            _batch.BatchCommands.Add(new NpgsqlBatchCommand("COMMIT"));
        }
        // The reader skips the results of statements that return no rows.
        await using var reader = await _batch.ExecuteReaderAsync().ConfigureAwait(false);
        IsAnswered = true;
        foreach (var read in _rows)
        {
            while (await reader.ReadAsync().ConfigureAwait(false) && Read(reader, read))
            {
            }
            await reader.NextResultAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Reads no further row, also if the server answers later. What the rows are read into may be used again.</summary>
    public void Abandon()
    {
        lock (_gate)
            _isAbandoned = true;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _batch.DisposeAsync();

    private bool Read(NpgsqlDataReader reader, Func<Row, bool> read)
    {
        lock (_gate)
            return !_isAbandoned && read(new Row(reader));
    }

    /// <summary>A statement whose parameters follow.</summary>
    internal readonly struct Statement(NpgsqlBatchCommand command)
    {
        /// <summary>Adds parameters.</summary>
        public Statement With<T>(T value)
        {
            command.Parameters.Add(new NpgsqlParameter<T> { TypedValue = value });
            return this;
        }

        /// <summary>Adds parameters.</summary>
        public Statement With<T1, T2>(T1 first, T2 second) => With(first).With(second);

        /// <summary>Adds parameters.</summary>
        public Statement With<T1, T2, T3>(T1 first, T2 second, T3 third) => With(first).With(second).With(third);

        /// <summary>Adds parameters.</summary>
        public Statement With<T1, T2, T3, T4>(T1 first, T2 second, T3 third, T4 fourth) => With(first, second, third).With(fourth);

        /// <summary>Adds parameters.</summary>
        public Statement With<T1, T2, T3, T4, T5>(T1 first, T2 second, T3 third, T4 fourth, T5 fifth) =>
            With(first, second, third, fourth).With(fifth);
    }
}
