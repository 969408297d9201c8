namespace GrpcPresence.Core.Domain.Errors;

/// <summary>The store cannot be read or written now: disk full, I/O error, locked by somebody else. Implementations of the storage port throw this and nothing else for such faults.</summary>
public sealed class StorageException(string message, Exception? inner = null)
    : PresenceException(ErrorReason.StorageUnavailable, message, inner);
