using System.Runtime.InteropServices;

namespace GrpcPresence.Server.Settings;

/// <summary>Determines what is at a path. .NET does not distinguish sockets, pipes and plain files.</summary>
internal static class FileKinds
{
    // From linux/stat.h. Unlike that of stat, this structure is the same on every processor.
    private const int BufferBytes = 256;
    private const int ModeOffset = 28;
    private const int KindMask = 0xF000;

    /// <summary>Returns the kind of the file. Follows symbolic links.</summary>
    public static FileKind Of(string path)
    {
        if (!OperatingSystem.IsLinux())
            return Directory.Exists(path) ? FileKind.Directory : FileKind.Unknown;
        const int CurrentDirectory = -100; // AT_FDCWD
        const uint Kind = 1; // STATX_TYPE
        var found = new byte[BufferBytes];
        if (ReadStatus(CurrentDirectory, path, flags: 0, Kind, found) != 0)
            return FileKind.Unknown;
        return (BitConverter.ToUInt16(found, ModeOffset) & KindMask) switch
        {
            0x8000 => FileKind.Plain,
            0x4000 => FileKind.Directory,
            0xC000 => FileKind.Socket,
            0x1000 => FileKind.Pipe,
            _ => FileKind.Device,
        };
    }

    [DllImport("libc", EntryPoint = "statx")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ReadStatus(
        int directory, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, [Out] byte[] status);
}
