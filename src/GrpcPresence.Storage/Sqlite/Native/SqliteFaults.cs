using GrpcPresence.Core.Domain.Errors;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace GrpcPresence.Storage.Sqlite.Native;

/// <summary>
/// Distinguishes errors of the storage, which are transient or need a repair outside, from bugs in this program, which must not be hidden.
/// </summary>
internal static class SqliteFaults
{
    /// <summary>Whether the disk, the file, or another process caused the error. A violated constraint or wrong SQL is a bug.</summary>
    public static bool IsStorageFault(SqliteException exception) => exception.SqliteErrorCode is
        raw.SQLITE_PERM or raw.SQLITE_ABORT or raw.SQLITE_BUSY or raw.SQLITE_LOCKED or raw.SQLITE_NOMEM or raw.SQLITE_READONLY
        or raw.SQLITE_INTERRUPT or raw.SQLITE_IOERR or raw.SQLITE_CORRUPT or raw.SQLITE_FULL or raw.SQLITE_CANTOPEN or raw.SQLITE_PROTOCOL
        or raw.SQLITE_EMPTY or raw.SQLITE_NOLFS or raw.SQLITE_NOTADB;

    /// <summary>
    /// Whether the content of the file caused the error. Only for statements that are known to be correct: any error that the disk or
    /// another process did not cause is then the file's, such as an unknown format.
    /// </summary>
    public static bool IsDamage(SqliteException exception) =>
        exception.SqliteErrorCode is raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB || !IsStorageFault(exception);

    /// <summary>Returns the port's exception for a storage error.</summary>
    public static StorageException Translate(SqliteException exception) =>
        new($"The database failed with code {exception.SqliteExtendedErrorCode}: {exception.Message}", exception);
}
