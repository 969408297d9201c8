using System.Data;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Postgres.Native;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>Reads and commits of the writer. Each is one round trip.</summary>
public sealed partial class PostgresPresenceStore
{
    private const string TakenByAnother = "Another node has taken the PostgreSQL database.";

    private const string WentBack =
        "The data of the PostgreSQL database went back: commits of this process are missing, because a backup was restored or a standby "
        + "without them was promoted. Start the node again.";

    /// <summary>The application name of the session that writes.</summary>
    internal string SessionName => _connections.WriterName;

    /// <summary>The process id of the session that writes. Tests end it.</summary>
    internal int WritingSession => _writer!.ProcessID;

    private NpgsqlConnection Writer => _writer is { FullState: ConnectionState.Open } writer
        ? writer
        : throw new StorageException("The writing connection is not open.");

    /// <inheritdoc/>
    public async ValueTask ReadBatchAsync(BatchKeys keys, BatchRead read)
    {
        try
        {
            await BatchReader.ReadAsync(Writer, keys, read).ConfigureAwait(false);
        }
        catch (Exception exception) when (PostgresFaults.IsStorageFault(exception))
        {
            throw PostgresFaults.Translate(exception);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<CommitResult> CommitAsync(BatchWrites writes)
    {
        var writer = Writer;
        // Before it is sent: whatever fails, the commit may have happened. The server refuses a number that is not the next one.
        if (writes.Number == _commits.Acknowledged + 1)
            _commits = _commits with { Sent = writes.Number, Sids = [.. writes.Services.Select(service => service.Service.Record.Sid)] };
        try
        {
            var result = await _batchWriter.WriteAsync(writer, new NodePosition(Node, _incarnation, _commits.Server), writes)
                .ConfigureAwait(false);
            _commits = _commits with { Acknowledged = writes.Number };
            return result;
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresFaults.Fenced)
        {
            throw Lose(TakenByAnother, exception);
        }
        catch (Exception exception) when (PostgresFaults.IsStorageFault(exception))
        {
            throw PostgresFaults.Translate(exception);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<int> PurgeAsync(DateTimeOffset tombstonesBefore, int limit)
    {
        try
        {
            await using var command = new NpgsqlCommand("SELECT purge_rows($1, $2, $3, $4)", Writer);
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = Node });
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = _incarnation });
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = tombstonesBefore.UtcTicks });
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = limit });
            return (int)(await command.ExecuteScalarAsync().ConfigureAwait(false))!;
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresFaults.Fenced)
        {
            throw Lose(TakenByAnother, exception);
        }
        catch (Exception exception) when (PostgresFaults.IsStorageFault(exception))
        {
            throw PostgresFaults.Translate(exception);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<WriterPosition> ReopenAsync()
    {
        if (_fenced.Task.IsCompleted)
            throw new StorageException(await _fenced.Task.ConfigureAwait(false));
        try
        {
            if (_writer is { } before)
                await before.DisposeAsync().ConfigureAwait(false);
            _writer = null;
            _batchWriter.Dispose();
            _batchWriter = new BatchWriter();
            _writer = await _connections.OpenWriterAsync(CancellationToken.None).ConfigureAwait(false);
            var state = await _row.ReopenAsync(_writer, _commits).ConfigureAwait(false) ?? throw Lose(TakenByAnother);
            if (state.IsBehind)
                throw Lose(WentBack);
            _commits = _commits with { Server = state.Server, Acknowledged = state.LastCommit, Sent = state.LastCommit };
            return new WriterPosition(state.Generation, state.LastCommit, state.LastResult);
        }
        catch (Exception exception) when (PostgresFaults.IsStorageFault(exception))
        {
            if (_writer is { } failed)
                await failed.DisposeAsync().ConfigureAwait(false);
            _writer = null;
            throw PostgresFaults.Translate(exception);
        }
    }

    /// <summary>Ends writing for good.</summary>
    private StorageException Lose(string reason, Exception? inner = null)
    {
        _writer?.Dispose();
        _writer = null;
        _fenced.TrySetResult(reason);
        return new StorageException(reason, inner);
    }
}
