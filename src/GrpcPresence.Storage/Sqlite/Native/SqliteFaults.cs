using GrpcPresence.Core.Domain.Errors;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace GrpcPresence.Storage.Sqlite.Native;

/// <summary>Tells faults of the storage, which pass or must be repaired outside, from faults of this program, which nothing may hide.</summary>
internal static class SqliteFaults
{
    /// <summary>Whether the disk, the file, or another process is at fault. A violated constraint or wrong SQL is not.</summary>
    public static bool IsStorageFault(SqliteException fault) => fault.SqliteErrorCode is
        raw.SQLITE_PERM or raw.SQLITE_ABORT or raw.SQLITE_BUSY or raw.SQLITE_LOCKED or raw.SQLITE_NOMEM or raw.SQLITE_READONLY
        or raw.SQLITE_INTERRUPT or raw.SQLITE_IOERR or raw.SQLITE_CORRUPT or raw.SQLITE_FULL or raw.SQLITE_CANTOPEN or raw.SQLITE_PROTOCOL
        or raw.SQLITE_EMPTY or raw.SQLITE_NOLFS or raw.SQLITE_NOTADB;

    /// <summary>
    /// Whether the content of the file is at fault, where the statements are known to be right: then whatever is not the disk's or another process's fault
    /// is the file's. Its format reads unknown, for one.
    /// </summary>
    public static bool IsDamage(SqliteException fault) =>
        fault.SqliteErrorCode is raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB || !IsStorageFault(fault);

    /// <summary>The port's exception for a storage fault.</summary>
    public static StorageException Translate(SqliteException fault) =>
        new($"The database failed with code {fault.SqliteExtendedErrorCode}: {fault.Message}", fault);
}
