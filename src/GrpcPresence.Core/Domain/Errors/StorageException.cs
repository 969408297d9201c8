namespace GrpcPresence.Core.Domain.Errors;

/// <summary>
/// The store cannot be read or written now: disk full, I/O error, or locked by another process. Implementations of the storage port throw
/// only this for such errors.
/// </summary>
public class StorageException(string message, Exception? inner = null)
    : PresenceException(ErrorReason.StorageUnavailable, message, inner);
