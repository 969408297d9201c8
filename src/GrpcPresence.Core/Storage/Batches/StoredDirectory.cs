namespace GrpcPresence.Core.Storage.Batches;

/// <summary>The state of the directory: the API keys, and which service instances exist.</summary>
/// <param name="Version">
/// Raised by every commit that writes an API key, or that creates or deletes a service instance. A commit names the version that was read.
/// </param>
/// <param name="NextServiceId">The key that the next service instance takes.</param>
/// <param name="NextApiKeyId">The key that the next API key takes.</param>
/// <param name="Timeline">The timeline of the store, in which a new service instance begins.</param>
public readonly record struct StoredDirectory(long Version, long NextServiceId, long NextApiKeyId, Guid Timeline);
