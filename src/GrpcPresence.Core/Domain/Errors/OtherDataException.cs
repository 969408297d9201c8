namespace GrpcPresence.Core.Domain.Errors;

/// <summary>
/// The commit names other data than the store has, because the data went back. Nothing of it was written. The node must first learn what
/// the data of the store says.
/// </summary>
public sealed class OtherDataException(string message) : StorageException(message);
