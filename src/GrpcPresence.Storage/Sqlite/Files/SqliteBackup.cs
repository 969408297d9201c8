using Dapper;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Storage.Sqlite.Native;
using GrpcPresence.Storage.Sqlite.Schema;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace GrpcPresence.Storage.Sqlite.Files;

/// <summary>
/// Backup and restore of a database. A backup is made while the service runs, and is consistent. A restored database begins a new timeline
/// at the next start, so that tokens of lost revisions are recognized. Neither operation leaves an incomplete file under the requested
/// name.
/// </summary>
public static class SqliteBackup
{
    private static readonly TimeSpan BusyTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Copies the database to a new file.</summary>
    /// <exception cref="DatabaseRejectedException">The database is missing, damaged or foreign, or the target exists.</exception>
    /// <exception cref="StorageException">The database cannot be read or the target cannot be written.</exception>
    public static void Backup(string database, string target)
    {
        target = Path.GetFullPath(target);
        if (File.Exists(target))
            throw DatabaseRejectedException.Exists(target);
        Guarded(database, target, () =>
        {
            // Two backups may run at the same time. One of them must not rename the incomplete copy of the other.
            var copy = $"{target}.{Path.GetRandomFileName()}.partial";
            Copy(DatabaseFiles.Resolve(database), copy, thorough: false, () => File.Move(copy, target, overwrite: false));
            DatabaseFiles.FlushDirectoryOf(target);
        });
    }

    /// <summary>
    /// Replaces a database with a backup. No process may have the database open. At any interruption, including a power failure, the name
    /// means either the whole old database or the whole restored one.
    /// </summary>
    /// <exception cref="DatabaseRejectedException">
    /// The database is in use, or the backup is missing, damaged, foreign, or of a newer version.
    /// </exception>
    /// <exception cref="StorageException">The backup cannot be read or the database cannot be replaced.</exception>
    public static void Restore(string backup, string database) => Restore(backup, database, BusyTimeout);

    /// <summary>Does the same, with a limit for how long it waits for readers of the old database.</summary>
    internal static void Restore(string backup, string database, TimeSpan patience)
    {
        (backup, database) = (Path.GetFullPath(backup), Path.GetFullPath(database));
        Guarded(backup, database, () =>
        {
            database = DatabaseFiles.Resolve(database);
            PrivateFiles.CreateDirectory(Path.GetDirectoryName(database)!);
            using var held = DatabaseLock.Take(database);
            var copy = database + ".partial";
            Copy(backup, copy, thorough: true, () =>
            {
                new CommitWitness(held).NoteRestore();
                // From here on the old database is complete without its logs.
                TakeInLogs(database, patience);
                // SQLite would apply the logs to the restored database. They must be deleted, also on the disk, before the restored file
                // has the name.
                DatabaseFiles.DeleteLogs(database);
                DatabaseFiles.FlushDirectoryOf(database);
                File.Move(copy, database, overwrite: true);
                // The restored file must survive a power failure once the caller has its answer.
                DatabaseFiles.FlushDirectoryOf(database);
            });
        });
    }

    /// <summary>Writes a checked copy of the source, flushes it, and then renames it.</summary>
    private static void Copy(string source, string copy, bool thorough, Action putIntoPlace)
    {
        if (!File.Exists(source))
            throw DatabaseRejectedException.Missing(source);
        try
        {
            Discard(copy);
            CopyPages(source, copy, thorough);
            DatabaseFiles.Flush(copy);
            putIntoPlace();
        }
        finally
        {
            Discard(copy);
        }
    }

    private static void CopyPages(string source, string copy, bool thorough)
    {
        var connections = new ConnectionFactory(source, BusyTimeout);
        try
        {
            using var reader = connections.OpenReader();
            CopyPages(reader);
        }
        catch (SqliteException exception) when (exception.SqliteErrorCode == raw.SQLITE_CANTOPEN && !DatabaseFiles.HasLog(source))
        {
            // The database was closed, and the files beside it cannot be created: the medium is read-only, or the directory belongs to
            // another user. Without a log, the file alone is complete.
            using var reader = connections.OpenImmutable();
            CopyPages(reader);
            if (DatabaseFiles.HasLog(source))
                throw new StorageException($"A server opened the database '{source}' during the copy. Repeat the command.");
        }

        void CopyPages(SqliteConnection reader)
        {
            if (DatabaseInspection.Check(reader, source, thorough))
                throw DatabaseRejectedException.Foreign(source);
            PrivateFiles.CreateIfMissing(copy);
            reader.Execute("VACUUM INTO @Copy", new { Copy = copy }, commandTimeout: int.MaxValue);
        }
    }

    private static void Discard(string copy)
    {
        File.Delete(copy);
        DatabaseFiles.DeleteLogs(copy);
    }

    /// <summary>
    /// Copies the content of a database's logs into its file. If this is impossible, no start would accept the database, and it must stay
    /// unusable without its logs.
    /// </summary>
    /// <exception cref="DatabaseRejectedException">A reader of the database keeps the log from being copied.</exception>
    private static void TakeInLogs(string database, TimeSpan patience)
    {
        if (DatabaseInspection.IsLogAlone(database))
        {
            // Without its log, a database that has lost its content would look like a new one.
            PrivateFiles.CreateIfMissing(database);
            File.WriteAllText(database, "This file is not a database: a restore was interrupted here.");
            DatabaseFiles.Flush(database);
            return;
        }
        if (!File.Exists(database))
            return;
        try
        {
            using var old = new ConnectionFactory(database, patience).OpenWriter(SqliteOpenMode.ReadWrite);
            old.ExecuteScalar<long>("SELECT count(*) FROM sqlite_schema"); // the first read applies a rollback journal
            if (old.ExecuteScalar<bool>("PRAGMA wal_checkpoint(TRUNCATE)")) // the first column says whether a reader blocked the checkpoint
                throw DatabaseRejectedException.InUse(database);
        }
        catch (SqliteException exception) when (SqliteFaults.IsDamage(exception))
        {
            // A damaged database is a valid reason to restore a backup.
        }
    }

    private static void Guarded(string source, string target, Action action)
    {
        try
        {
            action();
        }
        catch (SqliteException exception) when (SqliteFaults.IsStorageFault(exception))
        {
            throw new StorageException(
                $"'{source}' cannot be copied to '{target}': {exception.Message} (code {exception.SqliteExtendedErrorCode})", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"'{target}' cannot be written: {exception.Message}", exception);
        }
    }
}
