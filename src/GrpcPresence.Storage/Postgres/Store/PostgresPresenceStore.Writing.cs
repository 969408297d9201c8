using System.Data;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Postgres.Native;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>Reads and commits of the writer. Each is one round trip.</summary>
public partial class PostgresPresenceStore
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
            var writer = Writer;
            var snapshot = new Snapshot(writer);
            BatchReader.Prepare(snapshot, keys, read);
            var reading = RunAsync(snapshot);
            await AnswerAsync(reading, () =>
            {
                snapshot.Abandon();
                Abandon(writer, reading);
            }).ConfigureAwait(false);
            BatchReader.Complete(read);
        }
        catch (Exception exception) when (PostgresFaults.IsStorageFault(exception))
        {
            throw PostgresFaults.Translate(exception);
        }
    }

    /// <inheritdoc/>
    public virtual ValueTask<CommitResult> CommitAsync(BatchWrites writes)
    {
        writes.ThrowIfOfCluster();
        return CommitAsync(new NodePosition(_options.Node, _incarnation, _commits.Server), writes);
    }

    /// <inheritdoc/>
    public virtual ValueTask<int> PurgeAsync(DateTimeOffset tombstonesBefore, int limit) =>
        PurgeAsync("purge_rows", _options.Node, _incarnation, tombstonesBefore, limit);

    /// <inheritdoc/>
    public virtual async ValueTask<WriterPosition> ReopenAsync()
    {
        if (_fenced.Task.IsCompleted)
            throw new StorageException(await _fenced.Task.ConfigureAwait(false));
        var state = await ReopenAsync(async writer =>
            await _row.ReopenAsync(writer, _commits).ConfigureAwait(false) ?? throw Lose(TakenByAnother)).ConfigureAwait(false);
        if (state.IsBehind)
            throw Lose(WentBack);
        _commits = _commits with { Server = state.Server, Acknowledged = state.LastCommit, Sent = state.LastCommit };
        return new WriterPosition(state.Generation, state.LastCommit, state.LastResult);
    }

    /// <summary>Commits as a node.</summary>
    private protected async ValueTask<CommitResult> CommitAsync(NodePosition node, BatchWrites writes)
    {
        var writer = Writer;
        // Before it is sent: whatever fails, the commit may have happened. The server refuses a number that is not the next one.
        if (writes.Number == _commits.Acknowledged + 1)
            _commits = _commits with { Sent = writes.Number, Sids = [.. writes.Services.Select(service => service.Service.Record.Sid)] };
        try
        {
            var writing = _batchWriter.WriteAsync(writer, node, writes);
            var result = await AnswerAsync(writing, () =>
            {
                _batchWriter = new BatchWriter(); // the call still uses the lists of this one
                Abandon(writer, writing);
            }).ConfigureAwait(false);
            _commits = _commits with { Acknowledged = writes.Number };
            return result;
        }
        catch (PostgresException exception) when (FindRefusal(exception) is { } refusal)
        {
            throw refusal;
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresFaults.Fenced)
        {
            throw Fence(exception);
        }
        catch (Exception exception) when (PostgresFaults.IsStorageFault(exception))
        {
            throw PostgresFaults.Translate(exception);
        }
    }

    /// <summary>Purges as a node, with a function of the schema.</summary>
    private protected async ValueTask<int> PurgeAsync(
        string function, long node, long incarnation, DateTimeOffset tombstonesBefore, int limit)
    {
        try
        {
            var writer = Writer;
            var purging = PurgeAsync(writer, function, node, incarnation, tombstonesBefore, limit);
            return await AnswerAsync(purging, () => Abandon(writer, purging)).ConfigureAwait(false);
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresFaults.Fenced)
        {
            throw Fence(exception);
        }
        catch (Exception exception) when (PostgresFaults.IsStorageFault(exception))
        {
            throw PostgresFaults.Translate(exception);
        }
    }

    /// <summary>Opens a new writing connection and begins a generation on it.</summary>
    private protected async Task<TState> ReopenAsync<TState>(Func<NpgsqlConnection, Task<TState>> begin)
    {
        try
        {
            if (_writer is { } before)
                await before.DisposeAsync().ConfigureAwait(false);
            _writer = null;
            _batchWriter.Dispose();
            _batchWriter = new BatchWriter();
            var began = _options.Time.GetTimestamp();
            var opening = _connections.OpenWriterAsync(CancellationToken.None);
            var writer = await AnswerAsync(opening, () => _ = DisposeLateAsync(opening)).ConfigureAwait(false);
            _writer = writer;
            var beginning = begin(writer);
            var left = PostgresConnections.ReopeningLimit - _options.Time.GetElapsedTime(began);
            return await AnswerAsync(beginning, () => Abandon(writer, beginning), left).ConfigureAwait(false);
        }
        catch (Exception exception) when (PostgresFaults.IsStorageFault(exception))
        {
            if (_writer is { } failed)
                await failed.DisposeAsync().ConfigureAwait(false);
            _writer = null;
            throw PostgresFaults.Translate(exception);
        }
    }

    /// <summary>Returns why only a node of a cluster is refused, or null.</summary>
    private protected virtual StorageException? FindRefusal(PostgresException exception) => null;

    /// <summary>Returns the exception of a call that the fence refused.</summary>
    private protected virtual StorageException Fence(PostgresException exception) => Lose(TakenByAnother, exception);

    /// <summary>Waits for the answer to a call, for a limited time.</summary>
    /// <param name="call">The call.</param>
    /// <param name="abandon">What to do if the call is not answered in time. It goes on and keeps its connection.</param>
    /// <param name="left">The time that is left, if that may be less than that of a call.</param>
    private async Task<T> AnswerAsync<T>(Task<T> call, Action abandon, TimeSpan? left = null)
    {
        var limit = left < PostgresConnections.AnswerLimit ? left.Value : PostgresConnections.AnswerLimit;
        try
        {
            return await call.WaitAsync(limit > TimeSpan.Zero ? limit : TimeSpan.Zero, _options.Time).ConfigureAwait(false);
        }
        catch (TimeoutException) when (!call.IsCompleted)
        {
            abandon();
            throw;
        }
    }

    /// <summary>Leaves the connection to a call that was not answered. The next call needs another connection.</summary>
    private void Abandon(NpgsqlConnection connection, Task call)
    {
        _writer = null;
        _ = DisposeAfterAsync(call, connection);
    }

    private static async Task DisposeAfterAsync(Task call, NpgsqlConnection connection)
    {
        await call.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await connection.DisposeAsync().ConfigureAwait(false);
    }

    private static async Task DisposeLateAsync(Task<NpgsqlConnection> opening)
    {
        await ((Task)opening).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (opening.IsCompletedSuccessfully)
            await (await opening.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
    }

    private static async Task<bool> RunAsync(Snapshot snapshot)
    {
        await using (snapshot.ConfigureAwait(false))
            await snapshot.RunAsync().ConfigureAwait(false);
        return true;
    }

    private static async Task<int> PurgeAsync(
        NpgsqlConnection connection, string function, long node, long incarnation, DateTimeOffset tombstonesBefore, int limit)
    {
#pragma warning disable CA2100 // the function is a constant
        await using var command = new NpgsqlCommand($"SELECT {function}($1, $2, $3, $4)", connection) { CommandTimeout = 0 };
#pragma warning restore CA2100
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = node });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = incarnation });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = tombstonesBefore.UtcTicks });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = limit });
        return (int)(await command.ExecuteScalarAsync().ConfigureAwait(false))!;
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
