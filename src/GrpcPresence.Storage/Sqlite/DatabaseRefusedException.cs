namespace GrpcPresence.Storage.Sqlite;

/// <summary>
/// A database file is not used, and nothing in it was altered. Trying again is no use before somebody has done what the message says. Faults that
/// pass by themselves are <see cref="Core.Errors.StorageException"/>.
/// </summary>
public sealed class DatabaseRefusedException(DatabaseRefusal refusal, string path, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>Why.</summary>
    public DatabaseRefusal Refusal { get; } = refusal;

    /// <summary>The full path of the file.</summary>
    public string Path { get; } = path;

    internal static DatabaseRefusedException InUse(string path, Exception? inner = null) => new(
        DatabaseRefusal.InUse,
        path,
        $"The database '{path}' is in use by another process. Stop that process first, or give this one a database of its own.",
        inner);

    internal static DatabaseRefusedException Damaged(string path, string finding, Exception? inner = null) => new(
        DatabaseRefusal.Damaged,
        path,
        $"The database '{path}' is damaged ({finding}). It is not repaired, because that could lose acknowledged changes in silence. "
            + "Move it away together with its -wal and -shm files, and restore a backup.",
        inner);

    internal static DatabaseRefusedException Foreign(string path, Exception? inner = null) => new(
        DatabaseRefusal.Foreign,
        path,
        $"The file '{path}' is not a database of this service. Name another file.",
        inner);

    internal static DatabaseRefusedException NewerSchema(string path, long found, long known) => new(
        DatabaseRefusal.NewerSchema,
        path,
        $"The database '{path}' has schema version {found}; this program knows versions up to {known}. Run the newer program, or restore a backup that this one made.");

    internal static DatabaseRefusedException Missing(string path) => new(
        DatabaseRefusal.Missing,
        path,
        $"There is no database '{path}'.");

    internal static DatabaseRefusedException Exists(string path) => new(
        DatabaseRefusal.Exists,
        path,
        $"The file '{path}' exists and is not overwritten. Name another one.");
}
