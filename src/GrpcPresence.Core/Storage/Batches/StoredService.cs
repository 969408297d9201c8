using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Storage.Batches;

/// <summary>A service instance with what only the writer needs of it.</summary>
/// <param name="Record">The record.</param>
/// <param name="Version">
/// Raised by every commit that writes to the service instance, with or without a revision. A commit names the version that was read.
/// </param>
/// <param name="NextUserId">The key that the next user takes.</param>
/// <param name="NextBindingId">The key that the next push binding takes.</param>
public sealed record StoredService(ServiceRecord Record, long Version, long NextUserId, long NextBindingId);
