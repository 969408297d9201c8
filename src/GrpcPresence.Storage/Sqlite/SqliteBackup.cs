using Dapper;
using GrpcPresence.Core.Errors;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Sqlite;

/// <summary>
/// Copies of a database. A backup is made while the service runs and holds one moment; a restored one begins a new timeline at the next start, by
/// which tokens of the revisions that were lost are recognized. Neither leaves anything half-written under the name that was asked for.
/// </summary>
public static class SqliteBackup
{
    private static readonly TimeSpan BusyTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Copies the database to a file that does not exist yet.</summary>
    /// <exception cref="DatabaseRefusedException">The database is missing, damaged or foreign, or the target exists.</exception>
    /// <exception cref="StorageException">The database cannot be read or the target cannot be written.</exception>
    public static void Backup(string database, string target)
    {
        (database, target) = (Path.GetFullPath(database), Path.GetFullPath(target));
        if (File.Exists(target))
            throw DatabaseRefusedException.Exists(target);
        Guarded(target, () =>
        {
            var copy = target + ".partial";
            Copy(database, copy, thorough: false, () => File.Move(copy, target, overwrite: false));
        });
    }

    /// <summary>Puts a backup into the place of a database that no process has open.</summary>
    /// <exception cref="DatabaseRefusedException">The database is in use, or the backup is missing, damaged, foreign, or of a newer version.</exception>
    /// <exception cref="StorageException">The backup cannot be read or the database cannot be replaced.</exception>
    public static void Restore(string backup, string database)
    {
        (backup, database) = (Path.GetFullPath(backup), Path.GetFullPath(database));
        Guarded(database, () =>
        {
            Directory.CreateDirectory(Path.GetDirectoryName(database)!);
            using var held = DatabaseLock.Take(database);
            var copy = database + ".partial";
            Copy(backup, copy, thorough: true, () =>
            {
                RemoveLog(database);
                File.Move(copy, database, overwrite: true);
            });
        });
    }

    /// <summary>Writes a checked copy of the source, makes it durable, and then puts it into place.</summary>
    private static void Copy(string source, string copy, bool thorough, Action putIntoPlace)
    {
        if (!File.Exists(source))
            throw DatabaseRefusedException.Missing(source);
        try
        {
            File.Delete(copy);
            using (var reader = new ConnectionFactory(source, BusyTimeout).OpenReader())
            {
                if (DatabaseInspection.Check(reader, source, thorough))
                    throw DatabaseRefusedException.Foreign(source);
                reader.Execute("VACUUM INTO @Copy", new { Copy = copy }, commandTimeout: int.MaxValue);
            }
            using (var written = new FileStream(copy, FileMode.Open, FileAccess.ReadWrite))
                written.Flush(flushToDisk: true);
            putIntoPlace();
        }
        finally
        {
            File.Delete(copy);
        }
    }

    /// <summary>
    /// Removes the log of the database that is about to be replaced, because SQLite would apply it to the new file. What it holds is first copied
    /// into the old database, so that this is whole if the process ends before the new one is in place.
    /// </summary>
    private static void RemoveLog(string database)
    {
        if (File.Exists(database))
        {
            try
            {
                using var old = new ConnectionFactory(database, BusyTimeout).OpenWriter(SqliteOpenMode.ReadWrite);
                old.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
            }
            catch (SqliteException fault) when (SqliteFaults.IsDamage(fault))
            {
                // A damaged database is a good reason to restore a backup.
            }
        }
        File.Delete(database + "-wal");
        File.Delete(database + "-shm");
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
