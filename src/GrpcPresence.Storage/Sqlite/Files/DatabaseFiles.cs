using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using Microsoft.Win32.SafeHandles;
using SQLitePCL;

namespace GrpcPresence.Storage.Sqlite.Files;

/// <summary>The files of databases: which one a path means, which stand beside it, and what of them is on the disk.</summary>
internal static class DatabaseFiles
{
    private const string LogSuffix = "-wal";

    // Before SQLite has put a new file into WAL mode, it keeps a rollback journal; so does VACUUM INTO.
    private static readonly string[] LogSuffixes = [LogSuffix, "-shm", "-journal"];

    /// <summary>The write-ahead log of a database.</summary>
    public static string LogOf(string database) => database + LogSuffix;

    /// <summary>
    /// The full path of the file itself. A symbolic link is followed, as SQLite does for the logs: two paths of one database must have one lock, and a
    /// restore must replace the file and not the link.
    /// </summary>
    /// <exception cref="IOException">Links that lead to themselves.</exception>
    public static string Resolve(string path)
    {
        path = Path.GetFullPath(path);
        return new FileInfo(path).LinkTarget is null ? path : File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
    }

    /// <summary>Deletes the logs of a database, which SQLite would apply to any other file of the name.</summary>
    public static void DeleteLogs(string database)
    {
        foreach (var suffix in LogSuffixes)
            File.Delete(database + suffix);
    }

    /// <summary>
    /// Whether the file or the log that a connection has open has lost its name, to nobody or to another file. Both can still be written then, but no
    /// start will find what is written.
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
    /// Writes to the disk which files a directory holds, under which names. Without this a power cut may undo the later of two steps, or the earlier.
    /// Windows has no such call; its file systems keep a journal of names.
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

    // The driver does not expose it.
    [DllImport("e_sqlite3", EntryPoint = "sqlite3_file_control")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
    private static extern int Control(IntPtr connection, [MarshalAs(UnmanagedType.LPUTF8Str)] string schema, int operation, out int result);

    // .NET opens no directories.
    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int OpenForReading([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);
}
