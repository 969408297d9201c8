using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Storage.Batches;

/// <summary>A service instance with what only the writer needs of it.</summary>
/// <param name="Record">The record.</param>
/// <param name="Version">
/// Raised by every commit that changes the settings: the friendly name, the configuration, the webhook settings, the notification
/// settings. A commit names the version that was read. A store may raise it with every commit that writes to the service instance.
/// </param>
/// <param name="NextUserId">The key that the next user takes.</param>
/// <param name="NextBindingId">The key that the next push binding takes.</param>
public sealed record StoredService(ServiceRecord Record, long Version, long NextUserId, long NextBindingId)
{
    /// <summary>What commits count up.</summary>
    public ServiceCounters Counters => new(Record.Revision, Record.UserCount, NextUserId, NextBindingId);
}
