using Dapper;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Storage.Sqlite.Files;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace GrpcPresence.Storage.Sqlite.Native;

/// <summary>
/// The connection that writes and checkpoints, with the statements that every batch runs. Statements begin and end transactions, because
/// the driver's transaction object becomes unusable when SQLite rolls back by itself. Used only by the writer's thread.
/// </summary>
internal sealed class WriteConnection : IDisposable
{
    /// <summary>Bytes of a page in the write-ahead log: the page and its frame header.</summary>
    private const int FrameBytes = 4096 + 24;

    private readonly Statement _begin;
    private readonly Statement _beginRead;
    private readonly Statement _commit;
    private readonly Statement _rollback;
    private readonly Statement _setLastCommit;
    private readonly string _log;
    private long _checkpointNotBelow; // bytes of log below which no checkpoint is tried again, after a reader blocked one

    /// <param name="connection">The connection.</param>
    /// <param name="timeline">The timeline of the store.</param>
    public WriteConnection(SqliteConnection connection, Guid timeline)
    {
        (Connection, Timeline) = (connection, timeline);
        ConnectionFactory.UseWriterCache(connection);
        _log = DatabaseFiles.LogOf(connection.DataSource);
        _begin = new Statement(connection, "BEGIN IMMEDIATE");
        _beginRead = new Statement(connection, "BEGIN");
        _commit = new Statement(connection, "COMMIT");
        _rollback = new Statement(connection, "ROLLBACK");
        _setLastCommit = new Statement(connection, "UPDATE last_commit SET id = $id");
        Statements = new WriteStatements(connection, timeline);
    }

    /// <summary>The connection.</summary>
    public SqliteConnection Connection { get; }

    /// <summary>The timeline of the store.</summary>
    public Guid Timeline { get; }

    /// <summary>The statements of the hot path.</summary>
    public WriteStatements Statements { get; }

    /// <summary>Whether a transaction is open. SQLite ends a transaction by itself after some errors.</summary>
    public bool IsInTransaction => raw.sqlite3_get_autocommit(Connection.Handle) == 0;

    /// <summary>Reads the number of the last commit.</summary>
    public long ReadLastCommit() => Connection.ExecuteScalar<long>("SELECT id FROM last_commit");

    /// <summary>Reads the version of the directory.</summary>
    public long ReadDirectoryVersion() => Connection.ExecuteScalar<long>("SELECT directory_version FROM last_commit");

    /// <summary>Begins a transaction and takes the lock against other writers.</summary>
    public void Begin()
    {
        ThrowIfMoved();
        _begin.Execute();
    }

    /// <summary>Begins a transaction that only reads, so that all its statements see the same commit.</summary>
    public void BeginRead() => _beginRead.Execute();

    /// <summary>Ends a transaction that only reads.</summary>
    public void EndRead() => _commit.Execute();

    /// <summary>Commits the transaction under the number of its commit.</summary>
    public void Commit(long id)
    {
        ThrowIfOver();
        _setLastCommit.Bind(id).Execute();
        Commit();
    }

    /// <summary>Commits a transaction that takes no number.</summary>
    public void Commit()
    {
        ThrowIfOver();
        _commit.Execute();
        // Again after the commit: a commit is acknowledged only if the next start would find it.
        ThrowIfMoved();
    }

    /// <summary>Throws if SQLite has ended the transaction by itself: each further statement would commit by itself.</summary>
    public void ThrowIfOver()
    {
        if (!IsInTransaction)
            throw new StorageException("The transaction is no longer open.");
    }

    /// <summary>
    /// Throws if another process has removed or replaced the files. They stay open, so that closing them copies the log into the database.
    /// </summary>
    public void ThrowIfMoved()
    {
        if (DatabaseFiles.HaveMoved(Connection, _log))
            throw new StorageException($"The database '{Connection.DataSource}' or its log was removed or replaced while it was open.");
    }

    /// <summary>
    /// Rolls back the open transaction. Never throws: if it fails, the next beginning fails too, and the connection is replaced.
    /// </summary>
    public void RollBack()
    {
        try
        {
            if (IsInTransaction)
                _rollback.Execute();
        }
        catch (SqliteException)
        {
            // The transaction is still open, so the next one cannot begin.
        }
    }

    /// <summary>
    /// Copies the log into the database once it has reached the size. Never waits for readers. If a reader blocks a part, the next attempt
    /// follows when the log has grown by <paramref name="step"/>.
    /// </summary>
    public void Checkpoint(long bytes, long step)
    {
        // The pages that this connection has written to the log since the last complete checkpoint.
        raw.sqlite3_db_status(Connection.Handle, raw.SQLITE_DBSTATUS_CACHE_WRITE, out var pages, out _, resetFlg: 0);
        var size = (long)pages * FrameBytes;
        if (size == 0 || size < Math.Max(bytes, _checkpointNotBelow))
            return;
        var result = raw.sqlite3_wal_checkpoint_v2(
            Connection.Handle, "main", raw.SQLITE_CHECKPOINT_PASSIVE, out var logged, out var copied);
        if (result == raw.SQLITE_OK && logged == copied)
        {
            _checkpointNotBelow = 0;
            raw.sqlite3_db_status(Connection.Handle, raw.SQLITE_DBSTATUS_CACHE_WRITE, out _, out _, resetFlg: 1);
        }
        else
        {
            // A reader still uses the log, or the disk is full. The log holds everything, so only its size is affected.
            _checkpointNotBelow = size + step;
        }
    }

    /// <summary>
    /// Empties the log's file if it is larger than <paramref name="bytes"/>. A reader outside the server may have kept the log from being
    /// reset. Once the reader is gone, the file would otherwise keep its size until enough was written, which may take days. Never waits
    /// for readers.
    /// </summary>
    public void TruncateLog(long bytes)
    {
        if (new FileInfo(_log) is not { Exists: true } file || file.Length <= bytes)
            return;
        var patience = Connection.ExecuteScalar<int>("PRAGMA busy_timeout");
        raw.sqlite3_busy_timeout(Connection.Handle, 0);
        var result = raw.sqlite3_wal_checkpoint_v2(Connection.Handle, "main", raw.SQLITE_CHECKPOINT_TRUNCATE, out _, out _);
        raw.sqlite3_busy_timeout(Connection.Handle, patience);
        if (result != raw.SQLITE_OK)
            return; // a reader, or a full disk
        _checkpointNotBelow = 0;
        raw.sqlite3_db_status(Connection.Handle, raw.SQLITE_DBSTATUS_CACHE_WRITE, out _, out _, resetFlg: 1);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        RollBack();
        _begin.Dispose();
        _beginRead.Dispose();
        _commit.Dispose();
        _rollback.Dispose();
        _setLastCommit.Dispose();
        Statements.Dispose();
        Connection.Dispose();
    }
}
