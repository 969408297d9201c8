using Dapper;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Storage.Sqlite.Native;
using GrpcPresence.Storage.Sqlite.Schema;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Sqlite.Files;

/// <summary>
/// Copies of a database. A backup is made while the service runs and holds one moment; a restored one begins a new timeline at the next start, by
/// which tokens of the revisions that were lost are recognized. Neither leaves anything half-written under the name that was asked for.
/// </summary>
public static class SqliteBackup
{
    private static readonly TimeSpan BusyTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Copies the database to a file that does not exist yet.</summary>
    /// <exception cref="DatabaseRejectedException">The database is missing, damaged or foreign, or the target exists.</exception>
    /// <exception cref="StorageException">The database cannot be read or the target cannot be written.</exception>
    public static void Backup(string database, string target)
    {
        target = Path.GetFullPath(target);
        if (File.Exists(target))
            throw DatabaseRejectedException.Exists(target);
        Guarded(target, () =>
        {
            // Two backups may be made at once, and one of them must not put into place what the other has half written.
            var copy = $"{target}.{Path.GetRandomFileName()}.partial";
            Copy(DatabaseFiles.Resolve(database), copy, thorough: false, () => File.Move(copy, target, overwrite: false));
            DatabaseFiles.FlushDirectoryOf(target);
        });
    }

    /// <summary>
    /// Puts a backup into the place of a database that no process has open. Wherever this is broken off, by a power cut too, the name means either the
    /// whole old database or the whole restored one.
    /// </summary>
    /// <exception cref="DatabaseRejectedException">The database is in use, or the backup is missing, damaged, foreign, or of a newer version.</exception>
    /// <exception cref="StorageException">The backup cannot be read or the database cannot be replaced.</exception>
    public static void Restore(string backup, string database) => Restore(backup, database, BusyTimeout);

    /// <summary>The same, with the time for which readers of the old database are waited for.</summary>
    internal static void Restore(string backup, string database, TimeSpan patience)
    {
        (backup, database) = (Path.GetFullPath(backup), Path.GetFullPath(database));
        Guarded(database, () =>
        {
            database = DatabaseFiles.Resolve(database);
            Directory.CreateDirectory(Path.GetDirectoryName(database)!);
            using var held = DatabaseLock.Take(database);
            var copy = database + ".partial";
            Copy(backup, copy, thorough: true, () =>
            {
                // From here on the old database is whole without its logs.
                TakeInLogs(database, patience);
                // SQLite would apply them to the restored one, so they must be gone, and be gone on the disk, before it has the name.
                DatabaseFiles.DeleteLogs(database);
                DatabaseFiles.FlushDirectoryOf(database);
                File.Move(copy, database, overwrite: true);
                // Whoever is told that it is restored must find it so.
                DatabaseFiles.FlushDirectoryOf(database);
            });
        });
    }

    /// <summary>Writes a checked copy of the source, makes it durable, and then puts it into place.</summary>
    private static void Copy(string source, string copy, bool thorough, Action putIntoPlace)
    {
        if (!File.Exists(source))
            throw DatabaseRejectedException.Missing(source);
        try
        {
            Discard(copy);
            using (var reader = new ConnectionFactory(source, BusyTimeout).OpenReader())
            {
                if (DatabaseInspection.Check(reader, source, thorough))
                    throw DatabaseRejectedException.Foreign(source);
                reader.Execute("VACUUM INTO @Copy", new { Copy = copy }, commandTimeout: int.MaxValue);
            }
            DatabaseFiles.Flush(copy);
            putIntoPlace();
        }
        finally
        {
            Discard(copy);
        }
    }

    private static void Discard(string copy)
    {
        File.Delete(copy);
        DatabaseFiles.DeleteLogs(copy);
    }

    /// <summary>
    /// Brings what the logs of a database hold into its file. A database for which that cannot be done is one that no start would take, and stays one
    /// without its logs.
    /// </summary>
    /// <exception cref="DatabaseRejectedException">Somebody reads the database, and so keeps the log from being copied.</exception>
    private static void TakeInLogs(string database, TimeSpan patience)
    {
        if (DatabaseInspection.IsLogAlone(database))
        {
            // Without its log, a database that has lost its content would be taken for a new one.
            File.WriteAllText(database, "This is no database: a restore was broken off here.");
            DatabaseFiles.Flush(database);
            return;
        }
        if (!File.Exists(database))
            return;
        try
        {
            using var old = new ConnectionFactory(database, patience).OpenWriter(SqliteOpenMode.ReadWrite);
            old.ExecuteScalar<long>("SELECT count(*) FROM sqlite_schema"); // the first read applies a rollback journal
            if (old.ExecuteScalar<bool>("PRAGMA wal_checkpoint(TRUNCATE)")) // what it returns first is whether it was kept from its end
                throw DatabaseRejectedException.InUse(database);
        }
        catch (SqliteException fault) when (SqliteFaults.IsDamage(fault))
        {
            // A damaged database is a good reason to restore a backup.
        }
    }

    private static void Guarded(string path, Action action)
    {
        try
        {
            action();
        }
        catch (SqliteException fault) when (SqliteFaults.IsStorageFault(fault))
        {
            throw SqliteFaults.Translate(fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"'{path}' cannot be written: {fault.Message}", fault);
        }
    }
}
