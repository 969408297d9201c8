using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Storage;

/// <summary>Users and deleted users, read in one transaction.</summary>
/// <param name="Service">The service instance in the same transaction; its revision is the one that the changes are read at.</param>
/// <param name="Changes">States, deleted users among them, by ascending revision of the row (<see cref="StoredChange.Revision"/>).</param>
public sealed record ChangesRead(ServiceRecord Service, IReadOnlyList<StoredChange> Changes);
