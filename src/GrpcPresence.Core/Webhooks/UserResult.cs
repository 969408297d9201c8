namespace GrpcPresence.Core.Webhooks;

/// <summary>What became of the events of one user.</summary>
/// <param name="Events">What was to be told.</param>
/// <param name="HasFailed">Whether an event failed; those after it were not tried.</param>
/// <param name="IsCreationTold">Whether the creation was told before that, or refused for good.</param>
internal readonly record struct UserResult(UserEvents Events, bool HasFailed, bool IsCreationTold);
