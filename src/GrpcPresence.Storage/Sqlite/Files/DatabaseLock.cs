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
    /// <exception cref="DatabaseRejectedException">Another process or store holds it.</exception>
    /// <exception cref="StorageException">The lock file cannot be opened.</exception>
    public static DatabaseLock Take(string databasePath)
    {
        var path = databasePath + ".lock";
        try
        {
            var isNew = !File.Exists(path);
            return new DatabaseLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None), isNew);
        }
        catch (IOException exception) when (exception.HResult is WindowsSharingViolation or LinuxWouldBlock or MacWouldBlock)
        {
            throw DatabaseRejectedException.InUse(databasePath, exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"The lock file of the database '{databasePath}' cannot be opened: {exception.Message}", exception);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
