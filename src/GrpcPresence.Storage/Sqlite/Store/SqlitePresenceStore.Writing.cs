using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Sqlite.Native;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>
/// Reads and commits of the writer. All of them are complete when they return. The generation is in memory, because the lock file allows
/// one process at a time.
/// </summary>
public sealed partial class SqlitePresenceStore
{
    private long _generation;
    private bool _isInDoubt; // the last commit failed, and the store was not reopened since
    private (long Number, CommitResult Result)? _lastResult; // of the last commit that this process tried

    /// <summary>Called when a commit has written everything but its end. Tests make it fail.</summary>
    internal Action? BeforeCommit { get; set; }

    /// <inheritdoc/>
    public ValueTask ReadBatchAsync(BatchKeys keys, BatchRead read)
    {
        var writer = Writer;
        try
        {
            writer.BeginRead();
            BatchReader.Read(writer, keys, read);
            writer.EndRead();
            return ValueTask.CompletedTask;
        }
        catch (SqliteException exception) when (SqliteFaults.IsStorageFault(exception))
        {
            throw SqliteFaults.Translate(exception);
        }
        finally
        {
            writer.RollBack();
        }
    }

    /// <inheritdoc/>
    public ValueTask<CommitResult> CommitAsync(BatchWrites writes)
    {
        writes.ThrowIfOfCluster();
        var writer = Writer;
        if (_isInDoubt || writes.Generation != _generation || writes.Number != _lastCommit + 1)
            throw new StorageException("The commit is of an earlier generation of the writer, or its number is not the next one.");
        // Until the commit has succeeded: whatever fails, only a reopening tells the outcome.
        _isInDoubt = true;
        try
        {
            writer.Begin();
            var batch = new BatchWriter(writer, _timelines);
            var result = batch.Write(writes);
            _lastResult = (writes.Number, result);
            BeforeCommit?.Invoke();
            writer.Commit(writes.Number);
            _witness.Note(writes.Number);
            _timelines.Committed(batch.Cut);
            (_lastCommit, _isInDoubt) = (writes.Number, false);
            return ValueTask.FromResult(result);
        }
        catch (SqliteException exception) when (SqliteFaults.IsStorageFault(exception))
        {
            throw SqliteFaults.Translate(exception);
        }
        finally
        {
            writer.RollBack();
        }
    }

    /// <inheritdoc/>
    public ValueTask<int> PurgeAsync(DateTimeOffset tombstonesBefore, int limit)
    {
        var writer = Writer;
        try
        {
            writer.Begin();
            var removed = Purge.Run(writer.Connection, tombstonesBefore, limit);
            if (removed > 0)
                writer.Commit();
            return ValueTask.FromResult(removed);
        }
        catch (SqliteException exception) when (SqliteFaults.IsStorageFault(exception))
        {
            throw SqliteFaults.Translate(exception);
        }
        finally
        {
            writer.RollBack();
        }
    }

    /// <inheritdoc/>
    public ValueTask<WriterPosition> ReopenAsync()
    {
        _writer?.ThrowIfMoved();
        _writer?.Dispose();
        _writer = null;
        try
        {
            // Not created: a missing file must not be taken for an empty database.
            _writer = OpenWriter(SqliteOpenMode.ReadWrite, ConnectionFactory.UseWriteAheadLog);
            var lastCommit = _writer.ReadLastCommit();
            (_generation, _lastCommit, _isInDoubt) = (_generation + 1, lastCommit, false);
            var result = _lastResult is { } last && last.Number == lastCommit ? last.Result : null;
            return ValueTask.FromResult(new WriterPosition(_generation, lastCommit, result));
        }
        catch (SqliteException exception) when (SqliteFaults.IsStorageFault(exception))
        {
            _writer?.Dispose();
            _writer = null;
            throw SqliteFaults.Translate(exception);
        }
    }
}
