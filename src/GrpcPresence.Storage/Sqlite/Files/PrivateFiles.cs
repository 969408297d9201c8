using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace GrpcPresence.Storage.Sqlite.Files;

/// <summary>
/// Keeps the server's files from the other users of the machine: they hold identities, names and hashes of secrets, and a user that can
/// open the lock file can hold it. A file has its mode from the moment it exists, because another user could open it before a later change.
/// </summary>
public static class PrivateFiles
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerOnlyDirectory = OwnerOnly | UnixFileMode.UserExecute;

    private const UnixFileMode OthersAccess =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>
    /// Takes all access of other users from everything that this process creates from now on, including the files of libraries and the
    /// sockets, for which no call has a mode.
    /// </summary>
    public static void RestrictProcess()
    {
        if (!OperatingSystem.IsWindows())
            _ = SetMask((uint)OthersAccess);
    }

    /// <summary>
    /// Creates a directory that only its owner can enter. Does not change one that exists: its owner may share it for other files.
    /// </summary>
    public static void CreateDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, OwnerOnlyDirectory);
    }

    /// <summary>Returns options that create a file which only its owner can open.</summary>
    public static FileStreamOptions CreationOptions(FileMode mode)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.ReadWrite, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerOnly;
        return options;
    }

    /// <summary>
    /// Creates an empty file unless one exists. SQLite gives the files beside a database the mode of the database, but creates a database
    /// with the mode of the process.
    /// </summary>
    public static void CreateIfMissing(string path)
    {
        if (!File.Exists(path))
            new FileStream(path, CreationOptions(FileMode.OpenOrCreate)).Dispose();
    }

    /// <summary>
    /// Takes the access of other users from a file that an earlier version or a copy has made. Returns false if every user still has
    /// access, because the file belongs to another user. Such a file keeps the access of its group: a secret that the platform mounts, or
    /// a volume of Kubernetes, is shared with the server in this way on purpose.
    /// </summary>
    public static bool TryRestrict(string path)
    {
        if (OperatingSystem.IsWindows() || !File.Exists(path))
            return true;
        var mode = File.GetUnixFileMode(path);
        try
        {
            if ((mode & OthersAccess) != 0)
                File.SetUnixFileMode(path, mode & ~OthersAccess);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return (mode & (UnixFileMode.OtherRead | UnixFileMode.OtherWrite)) == 0;
        }
    }

    /// <summary>Whether other users can open the file.</summary>
    internal static bool IsShared(string path) =>
        !OperatingSystem.IsWindows() && File.Exists(path) && (File.GetUnixFileMode(path) & OthersAccess) != 0;

    /// <summary>Whether every user may replace the files of the directory. In a sticky directory, only their owner may.</summary>
    internal static bool IsWritableByAll(string directory) =>
        !OperatingSystem.IsWindows()
        && (File.GetUnixFileMode(directory) & (UnixFileMode.OtherWrite | UnixFileMode.StickyBit)) == UnixFileMode.OtherWrite;

    /// <summary>Whether the open file is a plain file with one name. Other systems than Linux cannot tell, and return true.</summary>
    internal static bool IsPlainWithOneName(SafeFileHandle file)
    {
        const int Itself = 0x1000; // AT_EMPTY_PATH
        const uint KindAndLinks = 0x5; // STATX_TYPE | STATX_NLINK
        const int KindMask = 0xF000;
        const int Plain = 0x8000;
        if (!OperatingSystem.IsLinux() || ReadStatus((int)file.DangerousGetHandle(), "", Itself, KindAndLinks, out var status) != 0)
            return true;
        return (status.Mode & KindMask) == Plain && status.Links == 1;
    }

    [DllImport("libc", EntryPoint = "umask")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern uint SetMask(uint mask);

    [DllImport("libc", EntryPoint = "statx")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ReadStatus(
        int directory, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, out Status status);

    // From linux/stat.h. Unlike that of stat, this structure is the same on every processor.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Status
    {
        [FieldOffset(16)]
        public uint Links;

        [FieldOffset(28)]
        public ushort Mode;
    }
}
