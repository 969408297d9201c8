using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Storage;

/// <summary>Users and deleted users, read at one moment.</summary>
/// <param name="Service">The service instance at the same moment. The changes are as of its revision.</param>
/// <param name="Changes">States, including deleted users, by ascending revision of the row (<see cref="StoredChange.Revision"/>).</param>
/// <param name="HasMore">
/// Whether further changes follow: the list ended at its limit or after about <see cref="Limits.PageBytes"/> bytes, or a key has more
/// than <see cref="Limits.TombstonesPerKey"/> tombstones.
/// </param>
/// <param name="Cost">The examined rows, as <see cref="StoreCost"/> counts them.</param>
public sealed record ChangesRead(ServiceRecord Service, IReadOnlyList<StoredChange> Changes, bool HasMore, int Cost);
