using GrpcPresence.Core.Domain.Errors;
using Microsoft.Win32.SafeHandles;

namespace GrpcPresence.Storage.Sqlite.Files;

/// <summary>
/// Keeps other processes away from a database: an exclusively opened file beside it, which the operating system releases however the
/// process ends. The file is never deleted: a process that waits at a deleted file and one that creates a new file would both hold the
/// lock.
/// </summary>
internal sealed class DatabaseLock : IDisposable
{
    /// <summary>What the name of the lock file adds to that of the database.</summary>
    public const string Suffix = ".lock";

    private const int WindowsSharingViolation = unchecked((int)0x80070020);
    private const int LinuxWouldBlock = 11;
    private const int MacWouldBlock = 35;

    private readonly FileStream _file;

    private DatabaseLock(FileStream file, bool isNew)
    {
        _file = file;
        IsNew = isNew;
    }

    /// <summary>Whether the file did not exist.</summary>
    public bool IsNew { get; }

    /// <summary>The open file, whose content belongs to <see cref="CommitWitness"/>.</summary>
    public SafeFileHandle Handle => _file.SafeFileHandle;

    /// <summary>Takes the lock of the database.</summary>
    /// <exception cref="DatabaseRejectedException">
    /// Another process or store holds it, or the path has something else than a plain file.
    /// </exception>
    /// <exception cref="StorageException">The lock file cannot be opened.</exception>
    public static DatabaseLock Take(string databasePath)
    {
        var path = databasePath + Suffix;
        var wasShared = false;
        try
        {
            // The witness is written into this file. A link would let it overwrite any file of the server's user.
            if (new FileInfo(path).LinkTarget is not null || Directory.Exists(path))
                throw DatabaseRejectedException.LockUnusable(databasePath, path);
            var isNew = !File.Exists(path);
            wasShared = PrivateFiles.IsShared(path);
            PrivateFiles.TryRestrict(path);
            return Check(new DatabaseLock(new FileStream(path, PrivateFiles.CreationOptions(FileMode.OpenOrCreate)), isNew), databasePath);
        }
        catch (IOException exception) when (exception.HResult is WindowsSharingViolation or LinuxWouldBlock or MacWouldBlock)
        {
            throw wasShared
                ? DatabaseRejectedException.InUseThroughSharedLock(databasePath, path, exception)
                : DatabaseRejectedException.InUse(databasePath, exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"The lock file of the database '{databasePath}' cannot be opened: {exception.Message}", exception);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static DatabaseLock Check(DatabaseLock taken, string databasePath)
    {
        if (PrivateFiles.IsPlainWithOneName(taken.Handle))
            return taken;
        taken.Dispose();
        throw DatabaseRejectedException.LockUnusable(databasePath, databasePath + Suffix);
    }
}
