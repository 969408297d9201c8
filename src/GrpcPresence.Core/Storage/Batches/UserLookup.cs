using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Storage.Batches;

/// <summary>Names a user to read.</summary>
/// <param name="Key">The SID or the identity.</param>
/// <param name="Id">
/// The store's key of the user, if the caller knows it; otherwise 0. The store then reads by it alone, which is faster. It finds no user if
/// the key is another service instance's, or if the user was deleted, even if another user has the identity now.
/// </param>
public readonly record struct UserLookup(UserKey Key, long Id = 0);
