using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using Microsoft.Win32.SafeHandles;
using SQLitePCL;

namespace GrpcPresence.Storage.Sqlite.Files;

/// <summary>The files of a database: resolves paths, knows the logs beside the file, and flushes both to the disk.</summary>
internal static class DatabaseFiles
{
    private const string LogSuffix = "-wal";

    // SQLite keeps a rollback journal before it has put a new file into WAL mode. VACUUM INTO does so too.
    private static readonly string[] LogSuffixes = [LogSuffix, "-shm", "-journal"];

    /// <summary>Returns the path of a database's write-ahead log.</summary>
    public static string LogOf(string database) => database + LogSuffix;

    /// <summary>Whether a database has a log with content, without which its file is not complete.</summary>
    public static bool HasLog(string database) => new FileInfo(LogOf(database)) is { Exists: true, Length: > 0 };

    /// <summary>
    /// Returns the full path of the file itself. Follows a symbolic link, as SQLite does for the logs: two paths of one database must share
    /// one lock, and a restore must replace the file and not the link.
    /// </summary>
    /// <exception cref="IOException">The links form a cycle.</exception>
    public static string Resolve(string path)
    {
        path = Path.GetFullPath(path);
        return new FileInfo(path).LinkTarget is null ? path : File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
    }

    /// <summary>
    /// Takes the access of other users from the files of a database, and creates the database so that SQLite creates the others with its
    /// mode. Returns what other users can still open or replace, because it does not belong to this user.
    /// </summary>
    public static IReadOnlyList<string> Restrict(string database)
    {
        PrivateFiles.CreateIfMissing(database);
        var directory = Path.GetDirectoryName(database)!;
        string[] files = [database, .. LogSuffixes.Select(suffix => database + suffix), database + DatabaseLock.Suffix];
        var shared = files.Where(file => !PrivateFiles.TryRestrict(file)).ToList();
        if (PrivateFiles.IsWritableByAll(directory))
            shared.Add(directory);
        return shared;
    }

    /// <summary>Deletes the logs of a database. SQLite would apply them to any other file with that name.</summary>
    public static void DeleteLogs(string database)
    {
        foreach (var suffix in LogSuffixes)
            File.Delete(database + suffix);
    }

    /// <summary>
    /// Whether the file or the log of an open connection was removed or replaced. Both can still be written then, but the next start will
    /// not find what is written.
    /// </summary>
    public static bool HaveMoved(SqliteConnection connection, string log)
    {
        const int HasMoved = 20; // SQLITE_FCNTL_HAS_MOVED
        return !File.Exists(log)
            || (Control(connection.Handle!.DangerousGetHandle(), "main", HasMoved, out var hasMoved) == raw.SQLITE_OK && hasMoved != 0);
    }

    /// <summary>Writes the content of a file to the disk.</summary>
    public static void Flush(string file)
    {
        using var written = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
        written.Flush(flushToDisk: true);
    }

    /// <summary>
    /// Flushes a directory, and so the names of its files. Otherwise a power failure may undo the later of two steps, or the earlier.
    /// Windows has no such call; its file systems journal names.
    /// </summary>
    public static void FlushDirectoryOf(string file)
    {
        if (OperatingSystem.IsWindows())
            return;
        var directory = Path.GetDirectoryName(file)!;
        using var handle = new SafeFileHandle(OpenForReading(directory, flags: 0), ownsHandle: true);
        if (handle.IsInvalid)
            throw new IOException($"The directory '{directory}' cannot be opened: {Marshal.GetLastPInvokeErrorMessage()}.");
        RandomAccess.FlushToDisk(handle);
    }

    // The driver does not expose this function.
    [DllImport("e_sqlite3", EntryPoint = "sqlite3_file_control")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
    private static extern int Control(IntPtr connection, [MarshalAs(UnmanagedType.LPUTF8Str)] string schema, int operation, out int result);

    // .NET cannot open directories.
    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int OpenForReading([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);
}
