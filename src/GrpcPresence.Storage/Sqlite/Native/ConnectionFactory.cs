using System.Globalization;
using Dapper;
using GrpcPresence.Core.Domain.Errors;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Sqlite.Native;

/// <summary>Opens connections to one database, each with the settings of its task. Settings belong to a connection, so they are made each time.</summary>
internal sealed class ConnectionFactory(string path, TimeSpan busyTimeout)
{
    /// <summary>KiB of pages that the writer keeps: a batch of a thousand random users alters some 4,000 pages, and one that does not fit spills into the log.</summary>
    private const int WriterCacheKib = 64 * 1024;

    /// <summary>KiB of pages that a reader keeps; there are as many readers as reads at once.</summary>
    private const int ReaderCacheKib = 4 * 1024;

    /// <summary>Bytes that the write-ahead log is cut to when it begins anew. One large sweep is not to be paid with disk for ever after.</summary>
    private const int JournalSizeLimit = 16 * 1024 * 1024;

    /// <summary>The full path of the database.</summary>
    public string Path => path;

    /// <summary>
    /// Opens the connection that writes; it does not alter the file yet. Everything but the journal mode and the size of the cache is set.
    /// </summary>
    public SqliteConnection OpenWriter(SqliteOpenMode mode)
    {
        var connection = Open(mode);
        Configure(connection, $"""
            PRAGMA busy_timeout = {(int)busyTimeout.TotalMilliseconds};
            PRAGMA synchronous = FULL;
            PRAGMA foreign_keys = ON;
            PRAGMA wal_autocheckpoint = 0;
            PRAGMA journal_size_limit = {JournalSizeLimit};
            """);
        return connection;
    }

    /// <summary>Puts the file into WAL mode, which it keeps.</summary>
    /// <exception cref="StorageException">The file system cannot do it.</exception>
    public static void UseWriteAheadLog(SqliteConnection writer)
    {
        var mode = writer.ExecuteScalar<string>("PRAGMA journal_mode = WAL");
        if (mode != "wal")
            throw new StorageException($"The database '{writer.DataSource}' cannot use a write-ahead log: its journal mode stays '{mode}'.");
    }

    /// <summary>
    /// Gives the writer its cache. Not before the file was checked: that reads every page, and the cache would begin full of those that it read last.
    /// </summary>
    public static void UseWriterCache(SqliteConnection writer) =>
        Configure(writer, $"PRAGMA cache_size = -{WriterCacheKib}");

    /// <summary>Opens a connection that only reads.</summary>
    public SqliteConnection OpenReader()
    {
        var connection = Open(SqliteOpenMode.ReadOnly);
        Configure(connection, $"""
            PRAGMA busy_timeout = {(int)busyTimeout.TotalMilliseconds};
            PRAGMA cache_size = -{ReaderCacheKib};
            """);
        return connection;
    }

    private SqliteConnection Open(SqliteOpenMode mode)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = mode,
            Pooling = false,
            // The driver repeats a busy statement for whole seconds on top of SQLite's own waiting; 0 would be for ever.
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
