namespace GrpcPresence.Core.Storage.Batches;

/// <summary>What commits count up in a service instance.</summary>
/// <param name="Revision">The last revision that was taken.</param>
/// <param name="UserCount">The number of users.</param>
/// <param name="NextUserId">The key that the next user takes.</param>
/// <param name="NextBindingId">The key that the next push binding takes.</param>
public readonly record struct ServiceCounters(long Revision, long UserCount, long NextUserId, long NextBindingId);
