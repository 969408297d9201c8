using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Storage;

/// <summary>The last state of a user, and the revision of the row or tombstone that holds it.</summary>
/// <param name="State">What is visible.</param>
/// <param name="Revision">The revision of the row, which is the key of a scan. <see cref="UserState.Revision"/> may be greater.</param>
public readonly record struct StoredChange(UserState State, long Revision);
