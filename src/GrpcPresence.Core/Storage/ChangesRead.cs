using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Storage;

/// <summary>Users and deleted users, read in one transaction.</summary>
/// <param name="Service">The service instance in the same transaction. The changes are as of its revision.</param>
/// <param name="Changes">States, including deleted users, by ascending revision of the row (<see cref="StoredChange.Revision"/>).</param>
public sealed record ChangesRead(ServiceRecord Service, IReadOnlyList<StoredChange> Changes);
