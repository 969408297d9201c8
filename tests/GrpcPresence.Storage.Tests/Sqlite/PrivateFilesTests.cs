using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using GrpcPresence.Storage.Sqlite.Files;

namespace GrpcPresence.Storage.Tests.Sqlite;

/// <summary>Only the server's user can open its files, and so hold its lock.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class PrivateFilesTests : SqliteTestBase
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Public = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private string LockFile => DatabasePath + ".lock";

    [Fact]
    public void Private_every_file_of_a_store_belongs_to_its_owner_alone()
    {
        var path = InDirectory(Path.Combine("made", "presence.db"));
        using var store = Open(path);
        AddService(store);
        AddUsers(store, Enumerable.Range(1, 100));
        SqliteBackup.Backup(path, Path.Combine(Path.GetDirectoryName(path)!, "backup.db"));
        SqliteBackup.Restore(
            Path.Combine(Path.GetDirectoryName(path)!, "backup.db"), Path.Combine(Path.GetDirectoryName(path)!, "restored.db"));

        // Walks the directory instead of naming files, so that a file of a later version is checked too.
        var files = Directory.GetFiles(Path.GetDirectoryName(path)!);
        string[] expected =
        [
            "backup.db", "presence.db", "presence.db-shm", "presence.db-wal", "presence.db.lock", "restored.db", "restored.db.lock",
        ];
        Assert.Equal(expected, files.Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.All(files, file => Assert.Equal(OwnerOnly, File.GetUnixFileMode(file)));
        Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(path)!));
        Assert.Empty(store.Shared);
    }

    [Fact]
    public void Private_a_store_takes_the_access_of_others_from_files_of_earlier_versions()
    {
        using (var store = Open())
            AddService(store);
        using (new FileStream(DatabasePath + "-wal", FileMode.CreateNew))
        using (new FileStream(DatabasePath + "-shm", FileMode.CreateNew))
        {
        }
        foreach (var file in new[] { DatabasePath, DatabasePath + "-wal", DatabasePath + "-shm", LockFile })
            File.SetUnixFileMode(file, Public);

        using var opened = Open();

        Assert.All(
            Directory.GetFiles(Path.GetDirectoryName(DatabasePath)!),
            file => Assert.Equal(OwnerOnly, File.GetUnixFileMode(file)));
    }

    [Fact]
    public void A_store_names_a_directory_in_which_others_can_replace_its_files()
    {
        var directory = Path.GetDirectoryName(DatabasePath)!;
        File.SetUnixFileMode(directory, File.GetUnixFileMode(directory) | UnixFileMode.OtherWrite);

        using var store = Open();

        Assert.Equal([directory], store.Shared);
    }

    [Fact]
    public void A_lock_that_others_could_open_is_named_when_a_process_holds_it()
    {
        Open().Dispose();
        File.SetUnixFileMode(LockFile, Public);
        using var held = new FileStream(LockFile, FileMode.Open, FileAccess.Read, FileShare.None);

        Assert.Contains($"fuser {LockFile}", AssertRejected(DatabaseRejection.InUse).Message, StringComparison.Ordinal);
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(LockFile));
    }

    [Fact]
    public void A_shared_hold_of_the_lock_file_keeps_a_store_away_too()
    {
        Open().Dispose();
        using var held = new FileStream(LockFile, FileMode.Open, FileAccess.Read, FileShare.Read);

        AssertRejected(DatabaseRejection.InUse);
    }

    [Theory]
    [InlineData("link")]
    [InlineData("link that leads nowhere")]
    [InlineData("hard link")]
    [InlineData("directory")]
    [InlineData("pipe")]
    public void The_lock_file_must_be_a_plain_file_with_one_name(string kind)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems do not tell the kind of a file.");
        var other = InDirectory("other");
        if (kind is "link" or "hard link")
            File.WriteAllText(other, "the content of another file of this user");
        switch (kind)
        {
            case "hard link":
                Assert.Equal(0, Link(other, LockFile));
                break;
            case "directory":
                Directory.CreateDirectory(LockFile);
                break;
            case "pipe":
                Assert.Equal(0, CreatePipe(LockFile, (uint)OwnerOnly));
                break;
            default:
                File.CreateSymbolicLink(LockFile, other);
                break;
        }

        AssertRejected(DatabaseRejection.LockUnusable);
        Assert.Equal(kind is "link" or "hard link" ? "the content of another file of this user" : null,
            File.Exists(other) ? File.ReadAllText(other) : null);
    }

    [DllImport("libc", EntryPoint = "link")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Link([MarshalAs(UnmanagedType.LPUTF8Str)] string from, [MarshalAs(UnmanagedType.LPUTF8Str)] string to);

    [DllImport("libc", EntryPoint = "mkfifo")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int CreatePipe([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint mode);
}
