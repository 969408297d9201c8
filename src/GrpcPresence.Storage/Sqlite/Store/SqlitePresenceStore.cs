using Dapper;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Sqlite.Files;
using GrpcPresence.Storage.Sqlite.Native;
using GrpcPresence.Storage.Sqlite.Schema;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>
/// The storage port on one SQLite file. One connection writes and checkpoints, used only by the writer's thread; others only read. SQLite's
/// calls are synchronous, so reads run on the calling thread and the returned tasks are complete.
/// </summary>
/// <remarks>
/// One writing connection puts all commits in one order, which revisions need. No other connection of the server takes the write lock, so
/// that no statement has to be repeated after SQLITE_BUSY. The rule also avoided SQLite's WAL-reset bug, which needs a second connection
/// that writes or checkpoints. SQLite 3.51.3 fixed it, and a test requires that version. The rule stays for the first two reasons.
/// </remarks>
public sealed partial class SqlitePresenceStore : IPresenceStore
{
    private readonly SqliteStoreOptions _options;
    private readonly ConnectionFactory _connections;
    private readonly DatabaseLock _lock;
    private readonly CommitWitness _witness;
    private readonly ReaderPool _readers;
    private readonly Guid _timeline; // no other process can write, so every read of this one has it
    private readonly SqliteTimelines _timelines;
    private WriteConnection? _writer; // null after a failed reopening
    private long _lastCommit;
    private long? _logLookedAt; // when the size of the log was last looked at

    /// <summary>Opens the database. Creates it and its directory if they do not exist.</summary>
    /// <exception cref="DatabaseRejectedException">The file is in use, damaged, foreign, or of a newer version.</exception>
    /// <exception cref="StorageException">The file cannot be opened or written now.</exception>
    public SqlitePresenceStore(SqliteStoreOptions options)
    {
        _options = options;
        Path = Locate(options.Path);
        _connections = new ConnectionFactory(Path, options.BusyTimeout);
        _timeline = options.NewTimeline();
        _readers = new ReaderPool(_connections, _timeline);
        _lock = DatabaseLock.Take(Path);
        _witness = new CommitWitness(_lock);
        try
        {
            DatabaseInspection.CheckFiles(Path);
            Shared = DatabaseFiles.Restrict(Path);
            _writer = OpenWriter(SqliteOpenMode.ReadWriteCreate, Prepare);
            _lastCommit = _writer.ReadLastCommit();
            SqliteVersion = _writer.Connection.ExecuteScalar<string>("SELECT sqlite_version()")!;
            _timelines = SqliteTimelines.Begin(_writer.Connection, _timeline, _witness, _lastCommit);
        }
        catch (Exception exception)
        {
            Dispose();
            if (exception is SqliteException sqlite && SqliteFaults.IsStorageFault(sqlite))
                throw new StorageException($"The database '{Path}' cannot be opened: {sqlite.Message}", sqlite);
            if (exception is IOException or UnauthorizedAccessException)
                throw new StorageException($"The database '{Path}' cannot be created: {exception.Message}", exception);
            throw;
        }
    }

    /// <summary>The full path of the database.</summary>
    public string Path { get; }

    /// <summary>Whether opening the store created the database.</summary>
    public bool IsNew { get; private set; }

    /// <summary>The files that other users of the machine can open or replace, because they belong to another user.</summary>
    public IReadOnlyList<string> Shared { get; }

    /// <summary>The version of the SQLite library, for the log.</summary>
    public string SqliteVersion { get; }

    /// <summary>The writing connection. Tests make it fail.</summary>
    internal SqliteConnection WritingConnection => Writer.Connection;

    private WriteConnection Writer => _writer ?? throw new StorageException("The writing connection could not be reopened yet.");

    /// <inheritdoc/>
    public void Maintain(bool idle)
    {
        _writer?.Checkpoint(idle ? _options.IdleCheckpointBytes : _options.BusyCheckpointBytes, _options.BusyCheckpointBytes / 4);
        if (!idle || (_logLookedAt is { } last && _options.Time.GetElapsedTime(last) < _options.LogTruncationInterval))
            return;
        _logLookedAt = _options.Time.GetTimestamp();
        _writer?.TruncateLog(_options.KeptLogBytes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _readers.Dispose();
        _writer?.Dispose(); // the last connection: SQLite checkpoints and removes the log
        _writer = null;
        _lock.Dispose();
    }

    private void Prepare(SqliteConnection writer)
    {
        IsNew = DatabaseInspection.Check(writer, Path, thorough: false);
        ConnectionFactory.UseWriteAheadLog(writer);
        Migrations.Run(writer);
    }

    private WriteConnection OpenWriter(SqliteOpenMode mode, Action<SqliteConnection> prepare)
    {
        var connection = _connections.OpenWriter(mode);
        try
        {
            prepare(connection);
            return new WriteConnection(connection, _timeline);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private ValueTask<TResult> ReadAsync<TResult>(Func<Reader, TResult> read, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<TResult>(cancellationToken);
        try
        {
            return ValueTask.FromResult(_readers.Read(read));
        }
        catch (PresenceException exception)
        {
            return ValueTask.FromException<TResult>(exception);
        }
    }

    private static string Locate(string path)
    {
        try
        {
            var database = DatabaseFiles.Resolve(path);
            PrivateFiles.CreateDirectory(System.IO.Path.GetDirectoryName(database)!);
            return database;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"The directory of the database '{path}' cannot be created: {exception.Message}", exception);
        }
    }
}
