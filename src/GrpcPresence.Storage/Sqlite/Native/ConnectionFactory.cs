using System.Globalization;
using Dapper;
using GrpcPresence.Core.Domain.Errors;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace GrpcPresence.Storage.Sqlite.Native;

/// <summary>
/// Opens connections to one database, each with the settings of its task. Settings belong to a connection, so they are set on every one.
/// </summary>
internal sealed class ConnectionFactory(string path, TimeSpan busyTimeout)
{
    /// <summary>
    /// KiB of the writer's page cache. A batch of a thousand random users changes about 4,000 pages, and a batch that does not fit spills
    /// into the log.
    /// </summary>
    private const int WriterCacheKib = 64 * 1024;

    /// <summary>KiB of a reader's page cache. Every concurrent read has its own.</summary>
    private const int ReaderCacheKib = 4 * 1024;

    /// <summary>
    /// Bytes to which the write-ahead log is truncated when it restarts: about what it has when a busy writer checkpoints it. A smaller
    /// file would grow again in each cycle, and the file system would allocate its blocks again. An idle writer truncates it further.
    /// </summary>
    private const int JournalSizeLimit = 64 * 1024 * 1024;

    // One thread at a time uses each connection. So SQLite need not take a lock at each call, which was a tenth of a catch-up. The mode can
    // only be set before the process opens its first connection. In a process that did, SQLite keeps its locks.
    static ConnectionFactory()
    {
        Batteries_V2.Init();
        _ = raw.sqlite3_config(raw.SQLITE_CONFIG_MULTITHREAD);
    }

    /// <summary>The full path of the database.</summary>
    public string Path => path;

    /// <summary>
    /// Opens the writing connection without changing the file yet. Sets everything except the journal mode and the cache size.
    /// </summary>
    public SqliteConnection OpenWriter(SqliteOpenMode mode)
    {
        var connection = Open(path, mode);
        Configure(connection, $"""
            PRAGMA busy_timeout = {(int)busyTimeout.TotalMilliseconds};
            PRAGMA synchronous = FULL;
            PRAGMA foreign_keys = ON;
            PRAGMA wal_autocheckpoint = 0;
            PRAGMA journal_size_limit = {JournalSizeLimit};
            """);
        return connection;
    }

    /// <summary>Puts the file into WAL mode, which is persistent.</summary>
    /// <exception cref="StorageException">The file system does not support it.</exception>
    public static void UseWriteAheadLog(SqliteConnection writer)
    {
        var mode = writer.ExecuteScalar<string>("PRAGMA journal_mode = WAL");
        if (mode != "wal")
        {
            throw new StorageException(
                $"The database '{writer.DataSource}' cannot use a write-ahead log: its journal mode stays '{mode}'.");
        }
    }

    /// <summary>
    /// Sets the writer's cache size. Not before the file is checked: the check reads every page and would fill the cache with the last
    /// ones.
    /// </summary>
    public static void UseWriterCache(SqliteConnection writer) =>
        Configure(writer, $"PRAGMA cache_size = -{WriterCacheKib}");

    /// <summary>Opens a read-only connection.</summary>
    public SqliteConnection OpenReader() => OpenReader(path);

    /// <summary>
    /// Opens a read-only connection to a file that nobody changes. SQLite then takes no locks and needs no further files, which it cannot
    /// create on a read-only medium.
    /// </summary>
    public SqliteConnection OpenImmutable() => OpenReader($"{new Uri(path).AbsoluteUri}?immutable=1");

    private SqliteConnection OpenReader(string source)
    {
        var connection = Open(source, SqliteOpenMode.ReadOnly);
        Configure(connection, $"""
            PRAGMA busy_timeout = {(int)busyTimeout.TotalMilliseconds};
            PRAGMA cache_size = -{ReaderCacheKib};
            """);
        return connection;
    }

    private static SqliteConnection Open(string source, SqliteOpenMode mode)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = source,
            Mode = mode,
            Pooling = false,
            // The driver repeats a busy statement for whole seconds on top of SQLite's own waiting; 0 means without limit.
            DefaultTimeout = 1,
        }.ToString());
        try
        {
            connection.Open();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static void Configure(SqliteConnection connection, FormattableString pragmas)
    {
        try
        {
            connection.Execute(pragmas.ToString(CultureInfo.InvariantCulture));
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }
}
