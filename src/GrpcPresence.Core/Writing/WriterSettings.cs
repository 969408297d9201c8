namespace GrpcPresence.Core.Writing;

/// <summary>The settings of the writer that decide about commands.</summary>
/// <param name="TombstoneRetention">How long the tombstone of a deleted user is kept.</param>
/// <param name="UsersPerService">The maximum number of users of a service instance; at least 1.</param>
internal sealed record WriterSettings(TimeSpan TombstoneRetention, int UsersPerService);
