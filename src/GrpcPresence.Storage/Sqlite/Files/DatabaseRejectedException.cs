using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Storage.Sqlite.Files;

/// <summary>
/// A database file was rejected and not changed. Retrying does not help until someone has done what the message says. Transient errors are
/// <see cref="StorageException"/>.
/// </summary>
public sealed class DatabaseRejectedException(DatabaseRejection rejection, string path, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>The reason.</summary>
    public DatabaseRejection Rejection { get; } = rejection;

    /// <summary>The full path of the file, or the name of the database that is not one.</summary>
    public string Path { get; } = path;

    internal static DatabaseRejectedException InUse(string path, Exception? inner = null) => new(
        DatabaseRejection.InUse,
        path,
        $"The database '{path}' is in use by another process. Stop that process first, or give this one a database of its own.",
        inner);

    internal static DatabaseRejectedException InUseThroughSharedLock(string path, string lockFile, Exception inner) => new(
        DatabaseRejection.InUse,
        path,
        $"The database '{path}' is in use by another process. Other users could open the lock file '{lockFile}' until now, so the process "
            + $"may belong to one of them: 'fuser {lockFile}' names it. Stop that process first.",
        inner);

    internal static DatabaseRejectedException LockUnusable(string path, string lockFile) => new(
        DatabaseRejection.LockUnusable,
        path,
        $"The lock file '{lockFile}' must be a plain file with one name, and not a link, a directory or a pipe. "
            + "Find out who created it, and remove it while no server runs.");

    internal static DatabaseRejectedException Damaged(string path, string finding, Exception? inner = null) => new(
        DatabaseRejection.Damaged,
        path,
        $"The database '{path}' is damaged ({finding}). It is not repaired, because that could silently lose acknowledged changes. "
            + "Move it away together with its -wal and -shm files, and restore a backup.",
        inner);

    internal static DatabaseRejectedException Foreign(string path, Exception? inner = null) => new(
        DatabaseRejection.Foreign,
        path,
        $"The file '{path}' is not a database of this service. Specify another file.",
        inner);

    internal static DatabaseRejectedException NewerSchema(string path, long found, long known) => new(
        DatabaseRejection.NewerSchema,
        path,
        $"The database '{path}' has schema version {found}; this program knows versions up to {known}. "
            + "Run the newer program, or restore a backup that this one made.");

    internal static DatabaseRejectedException OlderSchema(string path, long found, long known) => new(
        DatabaseRejection.OlderSchema,
        path,
        $"The database '{path}' has schema version {found}, and an import needs version {known}. Run this program once with the command "
            + $"'keys list --database {path}', which brings the schema up to date, and repeat the import.");

    internal static DatabaseRejectedException NotEmpty(string database) => new(
        DatabaseRejection.NotEmpty,
        database,
        $"The PostgreSQL database {database} has service instances or API keys. Import into an empty database.");

    internal static DatabaseRejectedException Missing(string path) => new(
        DatabaseRejection.Missing,
        path,
        $"The database '{path}' does not exist.");

    internal static DatabaseRejectedException Exists(string path) => new(
        DatabaseRejection.Exists,
        path,
        $"The file '{path}' exists and is not overwritten. Specify another one.");
}
